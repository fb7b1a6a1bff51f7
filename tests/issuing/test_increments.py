"""More that is approved on a purchase of which more was captured already: the card pays it once."""

from decimal import Decimal

import pytest

from issuing.models import Authorization
from tests import marqeta_events, stripe_events
from tests.issuing.balances import increment
from tests.issuing.test_marqeta_gateway import marqeta_card
from tests.issuing.test_settling import approved, deliver, moved, told_total, work
from tests.issuing.test_transactions import report
from tests.wallets import walkthrough_card
from wallet.models import Case, FundingCharge, FundingObligation, FundingRefund

pytestmark = pytest.mark.django_db


def asked_of_cards() -> int:
    """What the cards were asked for and are not given back, in minor units."""
    owing = FundingObligation.objects.exclude(status="released").values_list("amount_minor", flat=True)
    return sum(owing) - sum(FundingRefund.objects.exclude(status="failed").values_list("amount_minor", flat=True))


def test_the_word_of_an_increment_ends_what_was_asked_for_twice() -> None:
    asked = approved(walkthrough_card())
    work()
    deliver(moved(asked, 5400))
    assert asked_of_cards() == 5400
    assert stripe_events.post(increment(asked, 900)).json()["approved"] is True

    deliver(told_total(asked, 5400, rounds=2))

    assert asked_of_cards() == 5400
    work()
    assert Authorization.objects.get().approved_minor == 5400


def test_so_it_does_at_marqeta() -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id, amount=Decimal("45.00"))
    marqeta_events.ask(asked)
    work()
    report(marqeta_events.later(asked, "authorization.clearing", amount=Decimal("54.00"), is_final_clearing=False))
    assert asked_of_cards() == 5400
    more = marqeta_events.increment(asked, amount=Decimal("9.00"))
    assert marqeta_events.ask(more).status_code == 200

    report(marqeta_events.outcome(more))

    assert asked_of_cards() == 5400


def test_a_clearing_in_another_currency_puts_no_foreign_number_into_a_purchase_that_was_over() -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id, amount=Decimal("45.00"))
    marqeta_events.ask(asked)
    report(marqeta_events.later(asked, "authorization.reversal", state="CLEARED", method="pgfs.authorization.reversal"))
    assert Authorization.objects.get().approved_minor == 0

    abroad = marqeta_events.later(asked, "authorization.clearing", amount=Decimal(9000), currency_code="JPY")
    report(abroad)
    work()

    assert Authorization.objects.get().approved_minor == 0
    assert not FundingCharge.objects.filter(status="succeeded").exists()
    assert asked_of_cards() == 0
    assert "currency_differs" in Case.objects.filter(status="open").values_list("kind", flat=True)
