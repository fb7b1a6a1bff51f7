"""Answers without the database wake somebody once it is back, once for an outage."""

from pathlib import Path

import pytest

from onecard.outbox.models import Message
from tests.onecard.alerts.conftest import Duty
from tests.support import stripe_events
from tests.support.stand_ins import ask, fold, stand_in
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db(transaction=True)


def test_purchases_that_stand_in_answered(duty: Duty, tmp_path: Path) -> None:
    card = walkthrough_card()
    duty.assert_quiet()
    with stand_in(tmp_path / "stand-in") as place:
        ask(stripe_events.authorization_request(card=card.issuer_card_id))
        fold(place)
    Message.objects.update(published_at="2026-01-01T00:00Z")

    incident = duty.assert_woken_once("stand_in", words="1 purchases were answered without the database")

    duty.pass_time(minutes=16)
    duty.assert_resolved_by_itself(incident)
