"""What a scrape says of stand-in: whether answers wait, and who answered."""

from pathlib import Path

import pytest

from tests.onecard.metrics.scraping import scraped
from tests.support import stripe_events
from tests.support.stand_ins import ask, fold, stand_in, take_snapshot
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db(transaction=True)


def test_answers_that_wait_and_who_answered_are_measured(tmp_path: Path) -> None:
    card = walkthrough_card()
    assert scraped()["onecard_stand_in_waiting"] == 0

    with stand_in(tmp_path / "stand-in", STAND_IN_POLICY="approve") as place:
        assert scraped()["onecard_stand_in_unready"] == 1
        take_snapshot()
        ask(stripe_events.authorization_request(card=card.issuer_card_id))
        found = scraped()
        assert (found["onecard_stand_in_unready"], found["onecard_stand_in_waiting"]) == (0, 1)
        fold(place)
        assert scraped()["onecard_stand_in_waiting"] == 0

    assert scraped(who="one_card") == {"onecard_purchases_stood_in_day": 1}
    assert scraped(who="network") == {"onecard_purchases_stood_in_day": 0}
