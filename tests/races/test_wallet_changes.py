"""Changes to one wallet that race (money-safety T12)."""

import pytest

from tests import stripe_events
from tests.threads import at_once
from tests.wallets import walkthrough_card
from wallet import outcomes
from wallet.models import FundingCharge, FundingMethod
from wallet.processors.base import Outcome

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_cards_of_one_wallet_declined_at_once_wait_for_each_other_and_do_not_deadlock() -> None:
    card = walkthrough_card()
    for amount in (100, 200, 300, 400):
        stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=amount))
    charges = list(FundingCharge.objects.order_by("id"))
    for charge, method in zip(charges, FundingMethod.objects.order_by("id"), strict=True):
        FundingCharge.objects.filter(pk=charge.pk).update(status="sending", method=method)

    def decline(charge: FundingCharge) -> None:
        outcome = Outcome("declined", f"pi_{charge.pk}", "generic_decline")
        outcomes.record(charge_id=charge.pk, outcome=outcome, actor="system:test")

    at_once([lambda charge=charge: decline(charge) for charge in charges])

    assert set(FundingCharge.objects.values_list("status", flat=True)) == {"declined"}
    assert FundingMethod.objects.filter(cooling_until=None).count() == 0
