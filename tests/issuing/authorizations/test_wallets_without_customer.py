"""A wallet without a customer at the processor: none of its cards could be charged, so none is chosen."""

import pytest

from issuing.models import Authorization
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card
from wallet.methods.usable import UnusableMethodError, refuse_unusable
from wallet.models import Cardholder, FundingCharge

pytestmark = pytest.mark.django_db


def test_a_purchase_is_declined_and_says_why() -> None:
    card = walkthrough_card()
    Cardholder.objects.update(processor_customer_id="")

    answer = stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id))

    assert answer.json()["approved"] is False
    decision = Authorization.objects.get().decisions.get()
    assert decision.decline_reason == "no_funding_card"
    assert {each["left_out"] for each in decision.trace["candidates"]} == {"no_processor_customer"}
    assert not FundingCharge.objects.exists()
    method = card.cardholder.funding_methods.select_related("cardholder")[0]
    with pytest.raises(UnusableMethodError, match="is not saved at the processor"):
        refuse_unusable(method, currency="USD")
