"""Disputes end in the same money in any order, repeated or incomplete (money-safety I8, I10, F14)."""

import itertools
from typing import Any

import pytest

from audit.models import Entry
from issuing.disputes import lifecycle as disputes
from issuing.disputes.lifecycle import DisputeUpdate
from issuing.handlers import dispatch
from issuing.models import Authorization, CardTransaction, Dispute, IssuerEvent, VirtualCard
from onecard.kit import clock
from onecard.kit.transactions import TransactionError
from tests.issuing.clearing.postings import posted
from tests.issuing.disputes.dispute_events import (
    CAPTURE,
    CREATED,
    LATER,
    OPENED,
    REINSTATED,
    RESCINDED,
    SEED,
    Step,
    balance_transactions,
    dispute_closed,
    dispute_event,
    dispute_totals,
    expected_totals,
    orders_of,
    rest_of,
    settled_purchase,
)
from tests.support import stripe_events
from tests.support.factories import UserFactory
from tests.support.orders import in_each_order
from tests.support.purchases import approve_purchase, deliver_events, run_workers, update_event
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card
from wallet.accounts import Account
from wallet.casework import proposals as case_proposals
from wallet.ledger import check as ledger_check
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingCharge, FundingRefund, Posting

pytestmark = pytest.mark.django_db


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


LIVES: dict[str, tuple[tuple[Step, ...], dict[str, Any]]] = {
    "won": ((CAPTURE, CREATED, REINSTATED, dispute_closed("won")), expected_totals("won", paid=0)),
    "lost after its money was given": (
        (CAPTURE, CREATED, REINSTATED, RESCINDED, dispute_closed("lost")),
        expected_totals("lost", paid=4500),
    ),
    "lost, and nothing ever moved": ((CAPTURE, CREATED, dispute_closed("lost")), expected_totals("lost", paid=4500)),
    "never submitted": ((CAPTURE, CREATED, dispute_closed("expired")), expected_totals("expired", paid=4500)),
    "won, its beginning never told": ((CAPTURE, REINSTATED, dispute_closed("won")), expected_totals("won", paid=0)),
}


@pytest.mark.some_in_suite(9)
@pytest.mark.parametrize(
    ("life", "first"), [(life, first) for life, (steps, _) in LIVES.items() for _, first in orders_of(len(steps))]
)
def test_every_order_of_a_disputes_events_ends_in_the_same_money(life: str, first: tuple[int, ...]) -> None:
    print(f"ORDERS_SEED={SEED}")
    steps, end = LIVES[life]
    asked = approve_purchase(walkthrough_card())
    run_workers()
    told = [step(asked) for step in steps]
    deliver_events(update_event(asked, "closed"))

    def ends_alike(order: tuple[int, ...]) -> None:
        run_workers()
        run_workers()
        assert dispute_totals() == end, order

    in_each_order(rest_of(len(steps), first), tell=lambda place: deliver_events(told[place]), at_end=ends_alike)


def test_each_movement_is_posted_and_turned_round_and_the_ledger_agrees(card: VirtualCard) -> None:
    asked = settled_purchase(card)
    deliver_events(CREATED(asked), REINSTATED(asked), RESCINDED(asked), dispute_closed("lost")(asked))
    run_workers()

    told = Posting.objects.filter(kind="chargeback").order_by("pk").values_list("debit", "credit", "amount_minor")
    assert list(told) == [("issuer", "purchases", 4500), ("purchases", "issuer", 4500)]
    assert [charge.status for charge in FundingCharge.objects.order_by("pk")] == ["succeeded"] * 2, "charged anew"
    assert ledger_check.check() == []


def test_an_open_dispute_is_a_case_and_nobody_is_given_anything(card: VirtualCard) -> None:
    asked = settled_purchase(card)
    deliver_events(
        CREATED(asked), dispute_event(asked, "submitted", "submitted"), dispute_event(asked, "updated", "submitted")
    )
    run_workers()

    row, case = Dispute.objects.get(), Case.objects.get()
    assert (row.status, row.reason, str(row.money)) == ("submitted", "not_received", "45.00 USD")
    assert (row.transaction, row.authorization) == (CardTransaction.objects.get(), Authorization.objects.get())
    assert (case.kind, case.reference, case.amount_minor) == ("dispute", f"dispute:{row.pk}", 4500)
    assert not FundingRefund.objects.exists()
    assert set(Entry.objects.filter(subject_type="dispute").values_list("action", flat=True)) == {
        "dispute.unsubmitted",
        "dispute.submitted",
    }

    deliver_events(dispute_closed("lost")(asked))
    case.refresh_from_db()
    assert (case.status, FundingRefund.objects.count()) == ("resolved", 0)


def test_a_late_event_never_moves_a_dispute_back(card: VirtualCard) -> None:
    asked = settled_purchase(card)
    deliver_events(dispute_closed("lost")(asked), CREATED(asked), dispute_event(asked, "submitted", "submitted"))
    deliver_events(
        dispute_event(asked, "closed", "won", at=LATER - 60), dispute_event(asked, "closed", "expired", at=LATER + 60)
    )

    assert Dispute.objects.get().status == "lost"
    assert not Case.objects.filter(status="open").exists()


def test_a_later_word_may_decide_otherwise(card: VirtualCard) -> None:
    asked = settled_purchase(card)
    won, lost = dispute_closed("won")(asked), dispute_event(asked, "closed", "lost", at=LATER + 60)
    for told in (won, lost), (lost, won):
        Dispute.objects.all().delete()
        for event in told:
            IssuerEvent.objects.filter(event_id=event["id"]).update(status="received")
        deliver_events(*told)
        assert Dispute.objects.get().status == "lost"


@pytest.mark.django_db(transaction=True)
def test_concurrent_repeats_of_an_event_move_a_dispute_once() -> None:
    asked = settled_purchase(walkthrough_card())
    for event in [REINSTATED(asked) for _ in range(6)]:
        stripe_events.post(event)
    pks = list(IssuerEvent.objects.filter(status="received").values_list("pk", flat=True))

    assert at_once([lambda pk=pk: dispatch.handle(event_pk=pk) for pk in pks]) == ["handled"] * 6

    assert CardTransaction.objects.filter(transaction_type="chargeback").count() == 1
    assert Posting.objects.filter(kind="chargeback").count() == 1


class TestBalanceTransactions:
    """Where Stripe lists what moved, each movement counts once, under its own id."""

    def test_credits_given_taken_and_given_again_are_booked_in_any_order(self) -> None:
        told = [
            ("funds_reinstated", "submitted", balance_transactions(4500)),
            ("funds_rescinded", "submitted", balance_transactions(4500, -4500)),
            ("funds_reinstated", "won", balance_transactions(4500, -4500, 4500)),
        ]
        asked = settled_purchase(walkthrough_card())

        def tell(place: int) -> None:
            event, status, listed = told[place]
            deliver_events(dispute_event(asked, event, status, at=LATER if status == "won" else OPENED, **listed))

        def ends_alike(order: tuple[int, ...]) -> None:
            run_workers()
            run_workers()
            assert dispute_totals() == expected_totals("won", paid=0), order
            assert CardTransaction.objects.filter(transaction_type="chargeback").count() == 2, order

        in_each_order(itertools.permutations(range(3)), tell=tell, at_end=ends_alike)

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_what_was_told_without_an_id_is_the_same_under_its_id(
        self, card: VirtualCard, order: tuple[int, int]
    ) -> None:
        asked = settled_purchase(card)
        told = [REINSTATED(asked), dispute_event(asked, "closed", "won", at=LATER, **balance_transactions(4500))]
        deliver_events(*[told[place] for place in order])
        run_workers()

        assert dispute_totals() == expected_totals("won", paid=0)
        kept = CardTransaction.objects.get(transaction_type="chargeback")
        assert kept.issuer_transaction_id.endswith(":txn_0_4500")

    def test_another_amount_under_the_id_is_a_case_and_not_taken_over(self, card: VirtualCard) -> None:
        asked = settled_purchase(card)
        deliver_events(REINSTATED(asked), dispute_event(asked, "updated", "submitted", **balance_transactions(4400)))

        assert CardTransaction.objects.get(transaction_type="chargeback").amount_minor == 4500
        assert Case.objects.filter(kind="transaction_differs").count() == 1

    def test_a_provisional_credit_is_nobodys_until_the_dispute_is_over(self, card: VirtualCard) -> None:
        asked = settled_purchase(card)
        credit = balance_transactions(4500, kind="issuing_dispute_provisional_credit")
        deliver_events(dispute_event(asked, "submitted", "submitted", **credit))
        run_workers()

        assert dispute_totals() == expected_totals("submitted", paid=4500) | {
            "provisional": -4500,
            "open cases": ["dispute"],
        }
        deliver_events(dispute_closed("won")(asked))
        run_workers()
        assert dispute_totals() == expected_totals("won", paid=0)


def test_more_taken_back_than_given_charges_nobody_beyond_the_purchase(card: VirtualCard) -> None:
    asked = settled_purchase(card)
    deliver_events(dispute_event(asked, "funds_rescinded", "lost", at=LATER, **balance_transactions(2000, -4500)))
    run_workers()

    assert dispute_totals() == expected_totals("lost", paid=4500) | {"clearing": 2500}, "the gap stays in sight"


def test_money_rescinded_after_a_write_off_opens_a_new_case(card: VirtualCard) -> None:
    """A force capture that nobody paid for: two people write off what is left, and then the dispute is lost."""
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    capture = posted(asked, authorization=None)
    about = {"transaction": capture["data"]["object"]["id"]}
    deliver_events(capture, dispute_event(asked, "funds_reinstated", "won", **about, **balance_transactions(744)))
    first, (ada, bob) = Case.objects.get(kind="approved_without_us"), (UserFactory(is_staff=True) for _ in range(2))
    case_proposals.propose(case=first, user=ada, proposal="write_off", reason="Not ours")
    assert case_proposals.agree(case=first, user=bob, reason="Not ours").minor == 4500 - 744

    deliver_events(
        dispute_event(asked, "funds_rescinded", "lost", at=LATER, **about, **balance_transactions(744, -744))
    )

    again = Case.objects.get(kind="approved_without_us", status="open")
    assert (again.pk != first.pk, again.amount_minor) == (True, 744)
    case_proposals.propose(case=again, user=ada, proposal="write_off", reason="Not ours")
    case_proposals.agree(case=again, user=bob, reason="Not ours")
    assert not Case.objects.filter(status="open").exists()
    assert ledger.balance(Account.PURCHASES, currency="USD", reference=first.reference) == 0


def test_a_dispute_about_something_unknown_waits_for_it(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    deliver_events(REINSTATED(asked))

    row, kept = Dispute.objects.get(), CardTransaction.objects.get()
    assert (row.transaction, row.authorization, kept.authorization) == (None, None, None)
    assert not Posting.objects.exists()
    assert Case.objects.filter(kind="dispute", status="open").count() == 1


def test_an_update_outside_a_transaction_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_what: str) -> None:
        raise TransactionError("outside")

    monkeypatch.setattr(disputes, "require_transaction", refuse)
    with pytest.raises(TransactionError):
        disputes.apply_update(
            DisputeUpdate(
                provider="stripe",
                dispute_id="idp_1",
                disputed_id="",
                status="lost",
                amount_minor=1,
                currency="USD",
                reported_at=clock.now(),
                event_type="x",
            )
        )
    assert not Dispute.objects.exists()
