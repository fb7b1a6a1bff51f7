"""A card transaction is stored once and finds its purchase. A difference opens a case (money-safety I8, F2)."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from audit.models import Entry
from issuing.clearing import card_transactions, transaction_rows
from issuing.clearing.transaction_rows import UnrecordableError
from issuing.handlers import cards as card_updates
from issuing.handlers import dispatch
from issuing.issuers.base import IssuerTransaction
from issuing.models import Authorization, CardTransaction, IssuerEvent
from tests.issuing.clearing.postings import NOON, deliver, posted, record_movement, refund, report
from tests.support import marqeta_events, stripe_events
from tests.support.threads import at_once
from tests.support.wallets import marqeta_card, walkthrough_card
from wallet.models import Case

pytestmark = pytest.mark.django_db


def movement(**changes: Any) -> IssuerTransaction:
    """A capture of 45.00 dollars on nobody's card, unless told otherwise."""
    known = IssuerTransaction("ipi_1", "ic_1", "iauth_1", "capture", 4500, "USD", "Starbucks Coffee", "5812", NOON)
    return replace(known, **changes)


def record(found: IssuerTransaction, **more: Any) -> bool:
    return record_movement(found, **{"provider": "stripe", "source": "webhook"} | more)


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
    differs = card_transactions.difference(other, provider="stripe")
    assert differs == transaction_rows.Difference("settlement 45.00 USD", theirs)
    assert card_transactions.difference(movement(), provider="stripe") is None
    assert card_transactions.difference(movement(id="ipi_2"), provider="stripe") is None


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

        deliver(stripe_events.authorization_update(asked, request_history=[{"approved": True, "reason": "network"}]))

        kept = CardTransaction.objects.get()
        assert kept.authorization == Authorization.objects.get()
        assert entries("transaction.linked") == 1

    @pytest.mark.django_db(transaction=True)
    def test_both_at_once_find_each_other(self) -> None:
        card = walkthrough_card()
        for _ in range(8):
            asked = stripe_events.authorization_request(card=card.issuer_card_id)
            history = [{"approved": True, "reason": "network"}]
            told = [posted(asked), stripe_events.authorization_update(asked, request_history=history)]
            for event in told:
                stripe_events.post(event)
            pks = list(IssuerEvent.objects.filter(status="received").values_list("pk", flat=True))
            assert at_once([lambda pk=pk: dispatch.handle(event_pk=pk) for pk in pks]) == ["handled"] * 2
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
    def test_a_refund_that_names_nothing_joins_the_only_possible_capture(self, order: tuple[int, int]) -> None:
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


def test_card_events_go_to_one_handler_with_the_id_of_their_card(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def note(event: IssuerEvent) -> tuple[str, str]:
        seen.append((event.provider, event.object_id))
        return "kept", "Noted."

    monkeypatch.setattr(card_updates, "apply", note)
    deliver(stripe_events.event("issuing_card.updated", {"id": "ic_1"}))
    deliver(stripe_events.event("issuing_cardholder.updated", {"id": "ich_1"}))
    report({"token": "t1", "card_token": "c1", "type": "state.suspended"}, key="cardtransitions")
    report({"token": "t2", "card_token": "c2", "type": "state.suspended"}, key="cards")
    report({"token": "t3", "user_token": "u1", "status": "SUSPENDED"}, key="usertransitions")

    about = [("stripe", "ic_1"), ("stripe", "ich_1"), ("marqeta", "c1"), ("marqeta", "c2"), ("marqeta", "u1")]
    assert seen == about
