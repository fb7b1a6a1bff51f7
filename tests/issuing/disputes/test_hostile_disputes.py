"""Whatever a genuine event about a dispute holds, it is applied or rejected whole (money-safety F13)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from issuing.handlers import dispatch
from issuing.models import CardTransaction, Dispute, IssuerEvent, VirtualCard
from tests.issuing.disputes.dispute_events import balance_transactions, dispute_event, settled_purchase
from tests.issuing.webhooks.hostile_values import UNHURRIED, any_value, places_in, with_changed
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card
from wallet.models import Case

pytestmark = pytest.mark.django_db


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


@pytest.mark.parametrize(
    "change",
    [
        {"id": ""},
        {"id": "idp:with:colons"},
        {"id": 7},
        {"amount": -1},
        {"amount": "many"},
        {"amount": 10**14},
        {"currency": "zzz"},
        {"currency": None},
        {"currency": "840"},
        {"balance_transactions": [{"id": "txn_1", "amount": "all"}]},
        {"balance_transactions": [{"amount": 4500}]},
        {"balance_transactions": [{"id": "txn_1", "amount": 10**14}]},
        {"balance_transactions": [{"id": "txn_1", "amount": 1, "currency": "zzz"}]},
    ],
)
def test_what_is_no_dispute_is_rejected_and_leaves_nothing(card: VirtualCard, change: dict[str, Any]) -> None:
    asked = settled_purchase(card)
    event = dispute_event(asked, "funds_reinstated", "won", **change)
    stripe_events.post(event)

    assert dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk) == "rejected"

    assert IssuerEvent.objects.get(event_id=event["id"]).reason
    assert not Dispute.objects.exists()
    assert not CardTransaction.objects.exclude(transaction_type="settlement").exists()
    # Nothing but the case that says that it could not be read, where it carries an amount.
    assert not Case.objects.exclude(kind=Case.Kind.EVENT_UNAPPLIED).exists()


@pytest.mark.parametrize("change", [{"status": "new_word"}, {"transaction": None}, {"evidence": "x"}, {"created": "x"}])
def test_what_a_dispute_can_do_without_may_be_odd(card: VirtualCard, change: dict[str, Any]) -> None:
    asked = settled_purchase(card)
    event = dispute_event(asked, "created", "unsubmitted", **change)
    stripe_events.post(event)
    assert dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk) == "handled"
    assert Dispute.objects.get().status == "unsubmitted"


class HostileDisputes(TestCase):
    """Whatever a genuine dispute holds, a worker comes to an end with it (money-safety F13)."""

    @pytest.mark.only_in_proofs
    @UNHURRIED
    @given(data=st.data())
    def test_any_change_to_a_dispute_is_handled_kept_or_rejected(self, data: st.DataObject) -> None:
        asked = stripe_events.authorization_request(card="ic_unknown")
        listed = data.draw(st.sampled_from([{}, balance_transactions(4500, -4500)]))
        event = dispute_event(asked, "funds_reinstated", "won", **listed)
        hostile = with_changed(event, data.draw(st.sampled_from(places_in(event))), data.draw(any_value))

        assert stripe_events.post(json.dumps(hostile)).status_code in (200, 400)

        for waiting in IssuerEvent.objects.filter(status="received"):
            became = dispatch.handle(event_pk=waiting.pk)
            assert became in ("handled", "kept", "rejected")
            assert became == "handled" or not Dispute.objects.exists()
