"""What issuers settle is kept once, a different word is a case, and each finds its purchase in any order (I8, F2)."""

import datetime as dt
import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from audit.models import Entry
from issuing import card_news, handlers, movements, transactions
from issuing.issuers.base import IssuerTransaction
from issuing.models import Authorization, CardTransaction, IssuerEvent, VirtualCard
from issuing.movements import UnrecordableError
from tests import marqeta_events, stripe_events
from tests.issuing.test_hostile_events import UNHURRIED, anything, places, with_changed
from tests.issuing.test_marqeta_gateway import marqeta_card
from tests.threads import at_once
from tests.wallets import walkthrough_card
from wallet.models import Case

pytestmark = pytest.mark.django_db

NOON = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)


def movement(**changes: Any) -> IssuerTransaction:
    """A capture of 45.00 dollars on nobody's card, unless told otherwise."""
    known = IssuerTransaction("ipi_1", "ic_1", "iauth_1", "capture", 4500, "USD", "Starbucks Coffee", "5812", NOON)
    return replace(known, **changes)


def record(found: IssuerTransaction, **more: Any) -> bool:
    return transactions.record(found, **{"provider": "stripe", "source": "webhook"} | more)


def entries(action: str) -> int:
    return Entry.objects.filter(action=action).count()


def test_a_capture_is_kept_with_all_that_is_known_of_it() -> None:
    card = walkthrough_card(issuer_card_id="ic_1")

    assert record(movement(), event_type="issuing_transaction.created", merchant_location="Seattle, WA, US") is True

    kept = CardTransaction.objects.get()
    assert (kept.transaction_type, kept.processing_status, str(kept.money)) == ("settlement", "settled", "45.00 USD")
    assert (kept.card, kept.authorization, kept.issuer_authorization_id) == (card, None, "iauth_1")
    assert (kept.mcc, kept.merchant_name, kept.merchant_category) == (
        "5812",
        "Starbucks Coffee",
        "eating_places_restaurants",
    )
    assert (kept.source, kept.merchant_location, kept.occurred_at) == ("webhook", "Seattle, WA, US", NOON)
    assert entries("transaction.recorded") == 1


def test_the_same_again_changes_nothing() -> None:
    assert [record(movement()), record(movement()), record(movement(), source="sync")] == [True, False, False]

    assert CardTransaction.objects.get().source == "webhook"
    assert entries("transaction.recorded") == 1
    assert not Case.objects.exists()


def test_two_issuers_may_use_the_same_id() -> None:
    assert [record(movement(), provider=provider) for provider in ("stripe", "marqeta")] == [True, True]


@pytest.mark.django_db(transaction=True)
def test_many_who_tell_the_same_at_once_make_one_row() -> None:
    walkthrough_card(issuer_card_id="ic_1")

    told = at_once([lambda: record(movement())] * 12)

    assert sorted(told) == [False] * 11 + [True]
    assert (CardTransaction.objects.count(), entries("transaction.recorded")) == (1, 1)


@pytest.mark.parametrize(
    ("change", "theirs"),
    [
        ({"amount_minor": 4700}, "settlement 47.00 USD"),
        ({"currency": "EUR"}, "settlement 45.00 EUR"),
        ({"kind": "refund", "amount_minor": -4500}, "refund 45.00 USD"),
    ],
)
def test_what_is_told_differently_is_not_taken_over_and_opens_one_case(change: dict[str, Any], theirs: str) -> None:
    record(movement())
    other = movement(**change)

    assert [record(other), record(other)] == [False, False]

    kept = CardTransaction.objects.get()
    assert (kept.transaction_type, str(kept.money)) == ("settlement", "45.00 USD")
    case = Case.objects.get()
    assert (case.kind, case.reference) == ("transaction_differs", f"card_transaction:{kept.pk}")
    assert theirs in case.summary
    differs = transactions.difference(other, provider="stripe")
    assert differs == movements.Difference("settlement 45.00 USD", theirs)
    assert transactions.difference(movement(), provider="stripe") is None
    assert transactions.difference(movement(id="ipi_2"), provider="stripe") is None


def test_what_one_source_lacks_another_adds_and_what_is_there_stays() -> None:
    poor = movement(authorization_id="", merchant_name="", mcc="")
    rich = {"authorization_code": "S1", "event_type": "issuing_transaction.created", "merchant_location": "Seattle"}
    for first, second in itertools.permutations([(poor, {"source": "sync"}), (movement(), rich)]):
        CardTransaction.objects.all().delete()
        for found, more in (first, second):
            record(found, **more)
        record(movement(merchant_name="Another name"), authorization_code="S2", merchant_location="Elsewhere")

        kept = CardTransaction.objects.get()
        assert (kept.authorization_code, kept.merchant_location) == ("S1", "Seattle")
        assert (kept.merchant_name, kept.mcc, kept.issuer_authorization_id) == ("Starbucks Coffee", "5812", "iauth_1")


@pytest.mark.parametrize("kind", ["authorization", "increment", "release", "declined", "other", "new_kind"])
def test_what_moves_no_money_is_not_recorded(kind: str) -> None:
    assert record(movement(kind=kind)) is False
    assert not CardTransaction.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"currency": "XXX"},
        {"currency": ""},
        {"amount_minor": -1},
        {"amount_minor": 10**13 + 1},
        {"kind": "refund", "amount_minor": 1},
    ],
)
def test_what_cannot_be_money_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UnrecordableError, match="ipi_1"):
        record(movement(**change))
    assert not CardTransaction.objects.exists()


class TestFindingThePurchase:
    """A movement and its purchase come in either order."""

    def test_a_capture_that_overtook_the_purchase_is_joined_when_that_comes(self) -> None:
        asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
        deliver(posted(asked))
        assert CardTransaction.objects.get().authorization is None

        deliver(stripe_events.authorization_news(asked, request_history=[{"approved": True, "reason": "network"}]))

        kept = CardTransaction.objects.get()
        assert kept.authorization == Authorization.objects.get()
        assert entries("transaction.linked") == 1

    @pytest.mark.django_db(transaction=True)
    def test_both_at_once_find_each_other(self) -> None:
        card = walkthrough_card()
        for _ in range(8):
            asked = stripe_events.authorization_request(card=card.issuer_card_id)
            history = [{"approved": True, "reason": "network"}]
            told = [posted(asked), stripe_events.authorization_news(asked, request_history=history)]
            for event in told:
                stripe_events.post(event)
            pks = list(IssuerEvent.objects.filter(status="received").values_list("pk", flat=True))
            assert at_once([lambda pk=pk: handlers.handle(event_pk=pk) for pk in pks]) == ["handled"] * 2
        assert CardTransaction.objects.count() == 8
        assert not CardTransaction.objects.filter(authorization=None).exists()

    def test_a_chargeback_that_names_the_capture_belongs_to_its_purchase(self) -> None:
        asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
        marqeta_events.ask(asked)
        clearing = marqeta_events.later(asked, "authorization.clearing")
        report(clearing)
        disputed = marqeta_events.later(asked, "authorization.clearing.chargeback")

        report(disputed | {"preceding_related_transaction_token": clearing["token"]})

        kept = CardTransaction.objects.get(transaction_type="chargeback")
        assert (kept.authorization, kept.amount_minor) == (Authorization.objects.get(), 4500)

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_a_refund_that_names_nothing_joins_the_one_capture_that_it_can_be_of(self, order: tuple[int, int]) -> None:
        asked, rows = self._bought_and_refunded()
        for index in order:
            report(rows[index])

        assert set(CardTransaction.objects.values_list("authorization", flat=True)) == {Authorization.objects.get().pk}
        assert asked["token"] not in CardTransaction.objects.get(transaction_type="refund").issuer_authorization_id

    def _bought_and_refunded(self) -> tuple[dict[str, Any], tuple[dict[str, Any], dict[str, Any]]]:
        asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
        marqeta_events.ask(asked)
        # By their times, and not by when we hear of them, the capture is the earlier one.
        taken, back = ({"user_transaction_time": f"2026-05-04T{hour}:00:00Z"} for hour in ("09", "12"))
        return asked, (marqeta_events.later(asked, "authorization.clearing", **taken), refund(asked) | back)


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

    def test_a_clearing_without_a_token_of_its_own_is_rejected_and_moves_nothing(self, asked: dict[str, Any]) -> None:
        row = marqeta_events.later(asked, "authorization.clearing")
        del row["token"]

        report(row)

        assert IssuerEvent.objects.latest("id").status == "rejected"
        assert Authorization.objects.get().status == "approved"
        assert not CardTransaction.objects.exists()


def test_news_of_cards_goes_to_one_place_with_the_id_of_whom_it_is_about(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def note(event: IssuerEvent) -> tuple[str, str]:
        seen.append((event.provider, event.object_id))
        return "kept", "Noted."

    monkeypatch.setattr(card_news, "act", note)
    deliver(stripe_events.event("issuing_card.updated", {"id": "ic_1"}))
    deliver(stripe_events.event("issuing_cardholder.updated", {"id": "ich_1"}))
    report({"token": "t1", "card_token": "c1", "type": "state.suspended"}, key="cardtransitions")
    report({"token": "t2", "card_token": "c2", "type": "state.suspended"}, key="cards")
    report({"token": "t3", "user_token": "u1", "status": "SUSPENDED"}, key="usertransitions")

    about = [("stripe", "ic_1"), ("stripe", "ich_1"), ("marqeta", "c1"), ("marqeta", "c2"), ("marqeta", "u1")]
    assert seen == about


def posted(asked: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A posting of Stripe on the purchase of a question: money out is negative there."""
    purchase = asked["data"]["object"]
    content = {
        "id": stripe_events.unique("ipi"),
        "object": "issuing.transaction",
        "type": "capture",
        "amount": -4500,
        "currency": "usd",
        "authorization": purchase["id"],
        "card": purchase["card"]["id"],
        "created": int(NOON.timestamp()),
        "merchant_data": purchase["merchant_data"],
        "network_data": {"authorization_code": "S604418"},
    }
    return stripe_events.event("issuing_transaction.created", content | changes)


def refund(asked: dict[str, Any], *, amount: Any = None) -> dict[str, Any]:
    """A refund of Marqeta: it names no earlier message."""
    row = marqeta_events.later(asked, "refund", amount=amount, method="pgfs.refund")
    del row["preceding_related_transaction_token"]
    return row


def deliver(event: dict[str, Any]) -> str:
    assert stripe_events.post(event).json() == {"received": True}
    return handlers.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk)


def report(*rows: dict[str, Any], key: str = "transactions") -> None:
    assert marqeta_events.report({key: list(rows)}).status_code == 200
    for event in IssuerEvent.objects.filter(status="received").order_by("id"):
        handlers.handle(event_pk=event.pk)


class HostilePostings(TestCase):
    """Whatever a genuine posting holds, a worker comes to an end with it (F13)."""

    @UNHURRIED
    @given(data=st.data())
    def test_any_change_to_a_posting_is_handled_kept_or_rejected(self, data: st.DataObject) -> None:
        asked = stripe_events.authorization_request(card="ic_unknown")
        event = data.draw(st.sampled_from([posted(asked), posted(asked, authorization=None)]))
        hostile = with_changed(event, data.draw(st.sampled_from(places(event))), data.draw(anything))

        assert stripe_events.post(json.dumps(hostile)).status_code in (200, 400)

        for waiting in IssuerEvent.objects.filter(status="received"):
            became = handlers.handle(event_pk=waiting.pk)
            assert became in ("handled", "kept", "rejected")
            assert became == "handled" or not CardTransaction.objects.exists()
