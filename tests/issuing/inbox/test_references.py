"""An event never crosses cardholders, whatever it names: it is kept, moves nothing, and a case says who differs."""

import datetime as dt
import itertools
from decimal import Decimal
from typing import Any

import pytest

from issuing.clearing import card_transactions
from issuing.issuers.base import IssuerTransaction
from issuing.models import Authorization, CardTransaction, Dispute, Hold, IssuerAccount, IssuerEvent, VirtualCard
from onecard.kit import clock
from tests.issuing.clearing.postings import NOON, deliver, posted, record_movement, refund, report
from tests.issuing.reconcile.books import books
from tests.support import marqeta_events, stripe_events
from tests.support.back_office import superuser
from tests.support.factories import VirtualCardFactory
from tests.support.purchases import run_workers
from tests.support.wallets import walkthrough_card
from wallet.casework import actions as case_actions
from wallet.ledger import check as ledger_check
from wallet.models import Case, FundingCharge, FundingRefund, Posting

pytestmark = pytest.mark.django_db

CONTRADICTION = "event_contradiction"


def cards(provider: str = "stripe") -> tuple[VirtualCard, VirtualCard]:
    """Ada's card and Bob's, at one issuer."""
    ada, bob = walkthrough_card(issuer_provider=provider), VirtualCardFactory(issuer_provider=provider)
    for card, name in ((ada, "Ada"), (bob, "Bob")):
        card.cardholder.name = name
        card.cardholder.save()
        IssuerAccount.objects.create(
            cardholder=card.cardholder, provider=provider, issuer_cardholder_id=f"ich_{name}", created_at=clock.now()
        )
    return ada, bob


def bought(card: VirtualCard) -> dict[str, Any]:
    """A purchase of 45.00 that was asked, approved and paid, not captured."""
    if card.issuer_provider == "marqeta":
        asked = marqeta_events.gateway_request(card=card.issuer_card_id)
        marqeta_events.ask(asked)
    else:
        asked = stripe_events.authorization_request(card=card.issuer_card_id)
        stripe_events.post(asked)
    run_workers()
    return asked


def standing() -> tuple[Any, ...]:
    """All that money, limits and purchases are."""
    return (
        list(Posting.objects.order_by("key").values_list("key", "amount_minor")),
        list(FundingCharge.objects.order_by("pk").values_list("pk", "status")),
        list(FundingRefund.objects.order_by("pk").values_list("pk", "amount_minor")),
        list(Hold.objects.order_by("pk").values_list("pk", "released_minor", "status")),
        list(Authorization.objects.order_by("pk").values_list("pk", "card", "status", "approved_minor")),
    )


def summaries() -> list[str]:
    return list(Case.objects.filter(kind=CONTRADICTION).order_by("pk").values_list("summary", flat=True))


def assert_kept_apart(name: str) -> None:
    kept = CardTransaction.objects.get(issuer_transaction_id__endswith=name)
    assert (kept.authorization, bool(kept.contradiction)) == (None, True)
    assert len(summaries()) == 1, summaries()
    case = Case.objects.get(kind=CONTRADICTION)
    assert (case.reference, case.money) == (kept.reference, kept.money)
    assert "of Ada" in case.summary
    assert "of Bob" in case.summary
    assert ledger_check.check() == []


class TestStripe:
    @pytest.mark.parametrize(("kind", "amount"), [("refund", 5000), ("capture", -5000)])
    def test_movement_on_another_cardholders_purchase_is_kept_with_a_case(self, kind: str, amount: int) -> None:
        ada, bob = cards()
        asked = bought(ada)
        deliver(posted(asked))
        before = standing()
        wrong = posted(asked, id="ipi_wrong", type=kind, amount=amount, card=bob.issuer_card_id)

        assert deliver(wrong) == "handled"
        deliver(wrong | {"id": "evt_again"})
        run_workers()

        assert standing() == before
        assert_kept_apart("ipi_wrong")

    @pytest.mark.parametrize("is_first", [True, False])
    def test_movement_before_the_purchase_that_it_names_is_not_joined(self, is_first: bool) -> None:
        ada, bob = cards()
        asked = stripe_events.authorization_request(card=ada.issuer_card_id)
        deliver(posted(asked, id="ipi_wrong", type="refund", amount=5000, card=bob.issuer_card_id))
        news = stripe_events.authorization_update(asked, request_history=[{"approved": True, "reason": "network"}])
        deliver(news)
        if is_first:
            deliver(stripe_events.authorization_update(asked, kind="updated", request_history=[{"approved": True}]))

        assert_kept_apart("ipi_wrong")
        assert not Posting.objects.exists()

    def test_movement_on_an_unknown_card_is_not_the_purchases(self) -> None:
        ada, _ = cards()
        asked = stripe_events.authorization_request(card=ada.issuer_card_id)
        deliver(posted(asked, id="ipi_wrong", type="refund", amount=5000, card="ic_nobody"))
        deliver(stripe_events.authorization_update(asked, request_history=[{"approved": True, "reason": "network"}]))

        assert CardTransaction.objects.get().authorization is None
        assert "ic_nobody, which nobody here has" in summaries()[0]

    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
    def test_a_refund_that_names_another_cardholders_capture_never_joins(self, order: tuple[int, ...]) -> None:
        ada, bob = cards()
        asked = stripe_events.authorization_request(card=ada.issuer_card_id)
        capture = posted(asked, id="ipi_1")
        told = [
            stripe_events.authorization_update(asked, request_history=[{"approved": True, "reason": "network"}]),
            capture,
            posted(asked, id="ipi_wrong", type="refund", amount=4500, card=bob.issuer_card_id, authorization="ipi_1"),
        ]
        for place in order:
            deliver(told[place])

        assert_kept_apart("ipi_wrong")
        assert CardTransaction.objects.get(issuer_transaction_id="ipi_1").authorization == Authorization.objects.get()

    @pytest.mark.parametrize(
        "change", [{"status": "closed"}, {"status": "reversed", "amount": 0}, {"amount": 100}, {"status": "expired"}]
    )
    def test_update_that_names_another_card_changes_nothing(self, change: dict[str, Any]) -> None:
        ada, bob = cards()
        asked = bought(ada)
        before = standing()
        wrong = stripe_events.authorization_update(asked, kind="updated", card={"id": bob.issuer_card_id}, **change)

        assert deliver(wrong) == "kept"

        assert standing() == before
        event = IssuerEvent.objects.get(event_id=wrong["id"])
        assert Case.objects.get(kind=CONTRADICTION).reference == f"issuerevent:{event.pk}"
        assert "of Bob" in event.reason
        assert "of Ada" in event.reason

    @pytest.mark.parametrize("expanded", [True, False])
    def test_event_that_names_another_cardholder_than_its_cards(self, expanded: bool) -> None:
        ada, _ = cards()
        asked = bought(ada)
        before = standing()
        person = {"id": "ich_Bob"} if expanded else "ich_Bob"
        deliver(posted(asked, id="ipi_wrong", type="refund", amount=5000, cardholder=person))
        deliver(posted(asked, id="ipi_none", type="refund", amount=5000, authorization=None, cardholder=person))
        deliver(posted(asked, id="ipi_force", authorization=None, cardholder=person))
        deliver(stripe_events.authorization_update(asked, kind="updated", status="closed", cardholder=person))

        assert standing() == before
        assert [each.authorization for each in CardTransaction.objects.all()] == [None] * 3
        assert len(summaries()) == 4

    def test_an_amount_in_another_currency_reverses_no_part_of_a_purchase(self) -> None:
        ada, _ = cards()
        asked = bought(ada)
        before = standing()
        deliver(stripe_events.authorization_update(asked, kind="updated", amount=1000, currency="eur"))
        assert standing() == before

    def test_the_same_transaction_told_on_another_card_later_is_a_case(self) -> None:
        ada, bob = cards()
        asked = bought(ada)
        right = posted(asked, id="ipi_1")
        deliver(right)
        before = standing()
        wrong = posted(asked, id="ipi_1", card=bob.issuer_card_id, authorization=None)
        deliver(wrong)
        deliver(wrong | {"id": "evt_again"})

        assert standing() == before
        assert CardTransaction.objects.get().card == ada
        assert len(summaries()) == 1

    def test_the_sync_crosses_no_cardholders_either(self) -> None:
        ada, bob = cards()
        asked = bought(ada)
        before = standing()
        name = asked["data"]["object"]["id"]
        found = IssuerTransaction("ipi_s", bob.issuer_card_id, name, "refund", -500, "USD", "Bistro", "5812", NOON)
        record_movement(found, provider="stripe", source="sync")
        assert card_transactions.with_update([found], provider="stripe") == []
        record_movement(found, provider="stripe", source="webhook")

        assert standing() == before
        assert_kept_apart("ipi_s")

    def test_a_card_in_the_place_of_the_purchases_card_is_the_same_one(self) -> None:
        ada, _ = cards()
        asked = bought(ada)
        new = VirtualCardFactory(cardholder=ada.cardholder, replaces=ada)
        deliver(posted(asked, card=new.issuer_card_id))
        assert CardTransaction.objects.get().authorization == Authorization.objects.get()
        assert summaries() == []

    def test_another_card_of_the_same_person_is_a_case(self) -> None:
        ada, _ = cards()
        asked = bought(ada)
        other = VirtualCardFactory(cardholder=ada.cardholder)
        deliver(posted(asked, card=other.issuer_card_id))
        assert CardTransaction.objects.get().authorization is None
        assert len(summaries()) == 1

    def test_a_dispute_is_about_one_purchase(self) -> None:
        ada, bob = cards()
        asked = bought(ada)
        deliver(posted(asked, id="ipi_1"))
        deliver(posted(stripe_events.authorization_request(card=bob.issuer_card_id), id="ipi_2", authorization=None))
        content = {"id": "idp_1", "amount": 4500, "currency": "usd", "status": "submitted", "transaction": "ipi_1"}
        deliver(stripe_events.event("issuing_dispute.submitted", content))
        before = standing()
        other = content | {"status": "won", "transaction": "ipi_2"}

        assert deliver(stripe_events.event("issuing_dispute.funds_reinstated", other)) == "kept"

        assert standing() == before
        assert (Dispute.objects.get().status, len(summaries())) == ("submitted", 1)

    def test_a_dispute_with_an_expanded_transaction_of_another_card(self) -> None:
        ada, bob = cards()
        asked = bought(ada)
        deliver(posted(asked, id="ipi_1"))
        before = standing()
        expanded = {"id": "ipi_1", "card": bob.issuer_card_id}
        content = {"id": "idp_1", "amount": 4500, "currency": "usd", "status": "won", "transaction": expanded}
        deliver(stripe_events.event("issuing_dispute.funds_reinstated", content))

        assert standing() == before
        assert_kept_apart("idp_1:chargeback")
        assert Dispute.objects.get().authorization is None


class TestMarqeta:
    @pytest.mark.parametrize(
        "kind",
        [
            "authorization.clearing",
            "refund",
            "refund.authorization.clearing",
            "authorization.clearing.chargeback",
            "authorization.clearing.chargeback.provisional.credit",
            "pindebit.authorization.clearing",
        ],
    )
    def test_money_of_another_cardholders_purchase_is_kept_with_a_case(self, kind: str) -> None:
        ada, bob = cards("marqeta")
        asked = bought(ada)
        report(marqeta_events.later(asked, "authorization.clearing", amount=Decimal("40.00")))
        before = standing()
        wrong = marqeta_events.later(asked, kind, card_token=bob.issuer_card_id)
        report(wrong)
        run_workers()

        assert standing() == before
        assert_kept_apart(wrong["token"])

    @pytest.mark.parametrize(
        ("kind", "state"),
        [
            ("authorization.reversal", "CLEARED"),
            ("authorization.reversal", "PENDING"),
            ("authorization.advice", "PENDING"),
            ("authorization.reversal.issuerexpiration", "CLEARED"),
            ("authorization.incremental", "PENDING"),
            ("authorization.incremental", "DECLINED"),
            ("authorization.clearing", "PENDING"),
        ],
    )
    def test_message_on_another_card_changes_no_purchase(self, kind: str, state: str) -> None:
        ada, bob = cards("marqeta")
        asked = bought(ada)
        before = standing()
        report(marqeta_events.later(asked, kind, state=state, amount=Decimal("5.00"), card_token=bob.issuer_card_id))

        assert standing() == before
        assert len(summaries()) == 1

    def test_decline_of_another_purchases_question_undoes_nothing(self) -> None:
        ada, bob = cards("marqeta")
        asked = bought(ada)
        before = standing()
        own = marqeta_events.gateway_request(card=bob.issuer_card_id)
        declined = marqeta_events.outcome(own, state="DECLINED")
        declined["gpa_order"] = marqeta_events.outcome(asked, state="DECLINED")["gpa_order"]
        report(declined)
        assert standing()[:4] == before[:4]
        assert Authorization.objects.get(card=ada).status == "approved"

    def test_a_user_token_of_another_person_is_a_case(self) -> None:
        ada, _ = cards("marqeta")
        asked = bought(ada)
        before = standing()
        wrong = marqeta_events.later(asked, "authorization.clearing", user_token="ich_Bob")
        alone = refund(asked, amount=Decimal("5.00")) | {"user_token": "ich_Bob"}
        report(wrong, alone)

        assert standing() == before
        assert len(summaries()) == 2

    def test_a_movement_before_its_purchase_is_not_joined(self) -> None:
        ada, bob = cards("marqeta")
        asked = marqeta_events.standin(card=ada.issuer_card_id)
        wrong = marqeta_events.later(asked, "refund", card_token=bob.issuer_card_id)
        report(wrong)
        report(asked)
        assert_kept_apart(wrong["token"])

    def test_a_chargeback_that_names_two_purchases_is_kept(self) -> None:
        ada, _ = cards("marqeta")
        first, second = bought(ada), bought(ada)
        assert Authorization.objects.count() == 2
        before = standing()
        about = {"token": "cb_1", "transaction_token": first["token"]}
        report(marqeta_events.later(second, "authorization.clearing.chargeback", chargeback=about))
        assert standing() == before
        assert "names two purchases" in summaries()[0]


@pytest.mark.django_db(transaction=True)
def test_what_a_person_has_settled_in_words_is_no_difference_any_more() -> None:
    ada, bob = cards()
    deliver(posted(bought(ada), card=bob.issuer_card_id, created=int(clock.now().timestamp()) - 3600))
    CardTransaction.objects.update(recorded_at=clock.now() - dt.timedelta(hours=1))
    assert books()[1] == [], "an open case asks a person"

    case_actions.resolve(
        case=Case.objects.get(kind=CONTRADICTION), user=superuser(), reason="The issuer takes it back."
    )

    assert books()[1] == []
    assert CardTransaction.objects.get().authorization is None
