"""Postings of either issuer, through its door: recorded on their purchase, kept, or rejected with nothing left."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from issuing.handlers import dispatch
from issuing.models import Authorization, CardTransaction, IssuerEvent, VirtualCard
from tests.issuing.clearing.postings import deliver, posted, report
from tests.issuing.webhooks.hostile_values import UNHURRIED, any_value, places_in, with_changed
from tests.support import marqeta_events, stripe_events
from tests.support.wallets import marqeta_card, walkthrough_card
from wallet.models import Case

pytestmark = pytest.mark.django_db


class TestStripe:
    """Stripe's postings, through its door."""

    @pytest.fixture
    def card(self) -> VirtualCard:
        return walkthrough_card()

    def test_a_capture_and_a_refund_are_recorded_on_their_purchase(self, card: VirtualCard) -> None:
        asked = stripe_events.authorization_request(card=card.issuer_card_id)
        assert stripe_events.post(asked).json()["approved"] is True

        assert [deliver(posted(asked)), deliver(posted(asked, type="refund", amount=1000))] == ["handled"] * 2

        columns = ("transaction_type", "amount_minor", "authorization_code", "merchant_location", "authorization")
        purchase = Authorization.objects.get().pk
        assert list(CardTransaction.objects.order_by("pk").values_list(*columns)) == [
            ("settlement", 4500, "S604418", "Seattle, WA, US", purchase),
            ("refund", 1000, "S604418", "Seattle, WA, US", purchase),
        ]

    def test_an_update_with_another_amount_is_a_case(self, card: VirtualCard) -> None:
        event = posted(stripe_events.authorization_request(card=card.issuer_card_id))
        content = event["data"]["object"]
        deliver(event)

        deliver(stripe_events.event("issuing_transaction.updated", content))
        assert not Case.objects.exists()
        deliver(stripe_events.event("issuing_transaction.updated", content | {"amount": -4600}))

        assert (Case.objects.get().kind, Case.objects.get().amount_minor) == ("transaction_differs", 4600)
        assert CardTransaction.objects.get().amount_minor == 4500

    def test_a_force_capture_is_a_purchase_that_nobody_paid_for(self, card: VirtualCard) -> None:
        event = posted(stripe_events.authorization_request(card=card.issuer_card_id), authorization=None)
        for kind in ("created", "updated"):
            deliver(stripe_events.event(f"issuing_transaction.{kind}", event["data"]["object"]))

        purchase = Authorization.objects.get()
        assert (purchase.status, purchase.approved_minor, purchase.card) == ("settled", 4500, card)
        assert CardTransaction.objects.get().authorization == purchase
        assert [(case.kind, case.amount_minor) for case in Case.objects.all()] == [("approved_without_us", 4500)]

    def test_a_refund_without_a_purchase_is_no_purchase(self, card: VirtualCard) -> None:
        asked = stripe_events.authorization_request(card=card.issuer_card_id)
        deliver(posted(asked, type="refund", amount=900, authorization=None))

        assert CardTransaction.objects.get().authorization is None
        assert not Authorization.objects.exists()

    @pytest.mark.parametrize(
        "change",
        [
            {"amount": 4500},
            {"amount": "many"},
            {"amount": -(10**14)},
            {"currency": "zzz"},
            {"created": 10**20},
            {"created": None},
            {"id": ""},
        ],
    )
    def test_what_is_no_posting_is_rejected_and_leaves_nothing(self, card: VirtualCard, change: dict[str, Any]) -> None:
        event = posted(stripe_events.authorization_request(card=card.issuer_card_id), **change)

        assert deliver(event) == "rejected"

        assert IssuerEvent.objects.get().reason
        assert not CardTransaction.objects.exists()
        assert not Authorization.objects.exists()

    def test_a_type_that_is_new_is_kept(self, card: VirtualCard) -> None:
        asked = stripe_events.authorization_request(card=card.issuer_card_id)
        assert deliver(posted(asked, type="made_up")) == "kept"
        assert not CardTransaction.objects.exists()


class TestMarqeta:
    """Marqeta's postings, through its door."""

    @pytest.fixture
    def asked(self) -> dict[str, Any]:
        question = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
        assert marqeta_events.ask(question).status_code == 200
        return question

    def test_parts_are_recorded_and_the_one_that_completes_them_settles(self, asked: dict[str, Any]) -> None:
        report(marqeta_events.later(asked, "authorization.clearing", amount=20))
        assert Authorization.objects.get().status == "approved"

        report(marqeta_events.later(asked, "authorization.clearing", amount=25))

        assert Authorization.objects.get().status == "settled"
        assert sorted(CardTransaction.objects.values_list("amount_minor", flat=True)) == [2000, 2500]

    @pytest.mark.parametrize(
        ("kind", "recorded"),
        [
            ("refund", "refund"),
            ("refund.authorization.clearing", "refund"),
            ("pindebit.refund", "refund"),
            ("authorization.clearing.chargeback", "chargeback"),
            ("pindebit.chargeback", "chargeback"),
        ],
    )
    def test_money_that_comes_back_is_recorded(self, asked: dict[str, Any], kind: str, recorded: str) -> None:
        row = marqeta_events.later(asked, kind, amount=10)
        for _ in range(2):
            report(row)

        kept = CardTransaction.objects.get()
        assert (kept.transaction_type, kept.amount_minor, kept.issuer_event_type) == (recorded, 1000, kind)
        # What a dispute moves stands under the dispute's id first.
        assert kept.issuer_transaction_id.split(":")[-1] == row["token"]
        assert Authorization.objects.get().status == "approved"

    @pytest.mark.parametrize(
        ("kind", "state"),
        [
            ("refund", "DECLINED"),
            ("refund", "ERROR"),
            ("refund", "PENDING"),
            ("refund.authorization", "PENDING"),
            ("authorization.clearing", "DECLINED"),
            ("authorization.clearing", "PENDING"),
            ("authorization.clearing.chargeback", "DECLINED"),
            ("authorization.clearing.chargeback.pending", "COMPLETION"),
            ("gpa.credit", "COMPLETION"),
        ],
    )
    def test_what_moved_no_money_is_kept_and_not_recorded(self, asked: dict[str, Any], kind: str, state: str) -> None:
        report(marqeta_events.later(asked, kind, state=state))

        event = IssuerEvent.objects.latest("id")
        assert (event.status, bool(event.reason)) == ("kept", True)
        assert not CardTransaction.objects.exists()

    def test_a_message_that_asks_and_takes_at_once_is_recorded(self) -> None:
        row = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id, method="pgfs.pindebit")

        report(row | {"type": "pindebit", "state": "COMPLETION"})

        assert CardTransaction.objects.get().authorization == Authorization.objects.get(status="settled")

    def test_a_clearing_without_a_time_is_recorded_all_the_same(self, asked: dict[str, Any]) -> None:
        report(marqeta_events.later(asked, "authorization.clearing", user_transaction_time="yesterday"))
        assert CardTransaction.objects.get().amount_minor == 4500

    def test_a_clearing_without_its_own_token_is_rejected_and_moves_nothing(self, asked: dict[str, Any]) -> None:
        row = marqeta_events.later(asked, "authorization.clearing")
        del row["token"]

        report(row)

        assert IssuerEvent.objects.latest("id").status == "rejected"
        assert Authorization.objects.get().status == "approved"
        assert not CardTransaction.objects.exists()


class HostilePostings(TestCase):
    """Whatever a genuine posting holds, a worker comes to an end with it (money-safety F13)."""

    @pytest.mark.only_in_proofs
    @UNHURRIED
    @given(data=st.data())
    def test_any_change_to_a_posting_is_handled_kept_or_rejected(self, data: st.DataObject) -> None:
        asked = stripe_events.authorization_request(card="ic_unknown")
        event = data.draw(st.sampled_from([posted(asked), posted(asked, authorization=None)]))
        hostile = with_changed(event, data.draw(st.sampled_from(places_in(event))), data.draw(any_value))

        assert stripe_events.post(json.dumps(hostile)).status_code in (200, 400)

        for waiting in IssuerEvent.objects.filter(status="received"):
            became = dispatch.handle(event_pk=waiting.pk)
            assert became in ("handled", "kept", "rejected")
            assert became == "handled" or not CardTransaction.objects.exists()
