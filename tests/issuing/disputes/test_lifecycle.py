"""Disputes end in the same money in any order, repeated or incomplete (money-safety I8, I10, F14)."""

import itertools
import os
import random
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from audit.models import Entry
from issuing.disputes import lifecycle as disputes
from issuing.disputes.lifecycle import DisputeUpdate
from issuing.handlers import dispatch
from issuing.models import Authorization, CardTransaction, Dispute, IssuerEvent, VirtualCard
from onecard.kit import clock
from onecard.kit.transactions import TransactionError
from tests import stripe_events
from tests.factories import UserFactory
from tests.issuing.authorizations.test_close_out import approved, deliver, forget, moved, news, work
from tests.issuing.clearing.postings import posted
from tests.threads import at_once
from tests.wallets import walkthrough_card
from wallet.accounts import Account
from wallet.casework import proposals as case_proposals
from wallet.ledger import check as ledger_check
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingCharge, FundingRefund, Posting

pytestmark = pytest.mark.django_db

ALL_ORDERS, MOST_ORDERS = bool(os.environ.get("ALL_ORDERS")), 6
SEED = int(os.environ.get("ORDERS_SEED") or secrets.randbelow(2**32))
EventBody = dict[str, Any]
OPENED, LATER = 1_790_000_100, 1_790_900_000


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


def dispute(asked: EventBody, event: str, state: str, *, at: int = OPENED, **more: Any) -> EventBody:
    """An event of Stripe about the dispute of the purchase's first capture."""
    content = {
        "id": f"idp_{asked['data']['object']['id']}",
        "object": "issuing.dispute",
        "amount": 4500,
        "currency": "usd",
        "created": OPENED,
        "status": state,
        "transaction": f"ipi_capture_1_{asked['data']['object']['id']}",
        "evidence": {"reason": "not_received"},
    }
    return stripe_events.event(f"issuing_dispute.{event}", content | more, created=at)


def balance_transactions(*amounts: int, kind: str = "issuing_dispute") -> dict[str, Any]:
    rows = [
        {"id": f"txn_{number}_{amount}", "amount": amount, "currency": "usd", "type": kind}
        for number, amount in enumerate(amounts)
    ]
    return {"balance_transactions": rows}


def ended() -> dict[str, Any]:
    """Where it all ended, in money."""
    purchase = Authorization.objects.get()
    name = purchase.reference
    paid = sum(each.obligation.payable.minor for each in FundingCharge.objects.filter(status="succeeded"))
    given = sum(each.amount_minor for each in FundingRefund.objects.filter(status="succeeded"))
    return {
        "dispute": Dispute.objects.get().status,
        "paid": paid - given,
        "clearing": ledger.balance(Account.PURCHASES, currency="USD", reference=name),
        "provisional": ledger.balance(Account.DISPUTES, currency="USD", reference=name),
        "linked": set(CardTransaction.objects.values_list("authorization", flat=True)) == {purchase.pk}
        and Dispute.objects.get().authorization == purchase,
        "open cases": list(Case.objects.filter(status="open").values_list("kind", flat=True)),
    }


def money(dispute: str, *, paid: int) -> dict[str, Any]:
    return {"dispute": dispute, "paid": paid, "clearing": 0, "provisional": 0, "linked": True, "open cases": []}


Step = Callable[[EventBody], EventBody]
CAPTURE: Step = lambda asked: moved(asked, 4500)  # noqa: E731
CREATED: Step = lambda asked: dispute(asked, "created", "unsubmitted")  # noqa: E731
REINSTATED: Step = lambda asked: dispute(asked, "funds_reinstated", "submitted")  # noqa: E731
RESCINDED: Step = lambda asked: dispute(asked, "funds_rescinded", "submitted")  # noqa: E731


def closed(status: str) -> Step:
    return lambda asked: dispute(asked, "closed", status, at=LATER)


LIVES: dict[str, tuple[tuple[Step, ...], dict[str, Any]]] = {
    "won": ((CAPTURE, CREATED, REINSTATED, closed("won")), money("won", paid=0)),
    "lost after its money was given": (
        (CAPTURE, CREATED, REINSTATED, RESCINDED, closed("lost")),
        money("lost", paid=4500),
    ),
    "lost, and nothing ever moved": ((CAPTURE, CREATED, closed("lost")), money("lost", paid=4500)),
    "never submitted": ((CAPTURE, CREATED, closed("expired")), money("expired", paid=4500)),
    "won, its beginning never told": ((CAPTURE, REINSTATED, closed("won")), money("won", paid=0)),
}


def orders(count: int) -> list[tuple[int, tuple[int, ...]]]:
    """How many events there are, and the two that are told first: a test for each, of all orders of the others."""
    return [(count, first) for first in itertools.permutations(range(count), 2)]


def rest_of(count: int, first: tuple[int, ...]) -> list[tuple[int, ...]]:
    """All orders of the others, or of the longest life a part at each run of the suite (ALL_ORDERS=1 takes all)."""
    rest = [first + rest for rest in itertools.permutations(set(range(count)) - set(first))]
    return rest if ALL_ORDERS else random.Random(f"{SEED}{first}").sample(rest, min(len(rest), MOST_ORDERS))


@pytest.mark.parametrize(
    ("life", "first"), [(life, first) for life, (steps, _) in LIVES.items() for _, first in orders(len(steps))]
)
def test_every_order_of_a_disputes_events_ends_in_the_same_money(life: str, first: tuple[int, ...]) -> None:
    print(f"ORDERS_SEED={SEED}")
    steps, end = LIVES[life]
    for order in rest_of(len(steps), first):
        asked = approved(walkthrough_card())
        work()
        told = [step(asked) for step in steps]
        deliver(news(asked, "closed"))
        for place in order:
            deliver(told[place])
        work()
        work()
        assert ended() == end, order
        forget_all()


def forget_all() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        Dispute.objects.all().delete()
        Posting.objects.all().delete()
        cursor.execute("SET session_replication_role = DEFAULT")
    forget()


def test_each_movement_is_posted_and_turned_round_and_the_ledger_agrees(card: VirtualCard) -> None:
    asked = settled(card)
    deliver(CREATED(asked), REINSTATED(asked), RESCINDED(asked), closed("lost")(asked))
    work()

    told = Posting.objects.filter(kind="chargeback").order_by("pk").values_list("debit", "credit", "amount_minor")
    assert list(told) == [("issuer", "purchases", 4500), ("purchases", "issuer", 4500)]
    assert [charge.status for charge in FundingCharge.objects.order_by("pk")] == ["succeeded"] * 2, "charged anew"
    assert ledger_check.check() == []


def settled(card: VirtualCard) -> EventBody:
    asked = approved(card)
    work()
    deliver(moved(asked, 4500), news(asked, "closed"))
    work()
    return asked


def test_an_open_dispute_is_a_case_and_nobody_is_given_anything(card: VirtualCard) -> None:
    asked = settled(card)
    deliver(CREATED(asked), dispute(asked, "submitted", "submitted"), dispute(asked, "updated", "submitted"))
    work()

    row, case = Dispute.objects.get(), Case.objects.get()
    assert (row.status, row.reason, str(row.money)) == ("submitted", "not_received", "45.00 USD")
    assert (row.transaction, row.authorization) == (CardTransaction.objects.get(), Authorization.objects.get())
    assert (case.kind, case.reference, case.amount_minor) == ("dispute", f"dispute:{row.pk}", 4500)
    assert not FundingRefund.objects.exists()
    assert set(Entry.objects.filter(subject_type="dispute").values_list("action", flat=True)) == {
        "dispute.unsubmitted",
        "dispute.submitted",
    }

    deliver(closed("lost")(asked))
    case.refresh_from_db()
    assert (case.status, FundingRefund.objects.count()) == ("resolved", 0)


def test_late_news_never_moves_a_dispute_back(card: VirtualCard) -> None:
    asked = settled(card)
    deliver(closed("lost")(asked), CREATED(asked), dispute(asked, "submitted", "submitted"))
    deliver(dispute(asked, "closed", "won", at=LATER - 60), dispute(asked, "closed", "expired", at=LATER + 60))

    assert Dispute.objects.get().status == "lost"
    assert not Case.objects.filter(status="open").exists()


def test_a_later_word_may_decide_otherwise(card: VirtualCard) -> None:
    asked = settled(card)
    won, lost = closed("won")(asked), dispute(asked, "closed", "lost", at=LATER + 60)
    for told in (won, lost), (lost, won):
        Dispute.objects.all().delete()
        for event in told:
            IssuerEvent.objects.filter(event_id=event["id"]).update(status="received")
        deliver(*told)
        assert Dispute.objects.get().status == "lost"


@pytest.mark.django_db(transaction=True)
def test_the_same_news_many_times_at_once_moves_once() -> None:
    asked = settled(walkthrough_card())
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
        for order in itertools.permutations(told):
            asked = settled(walkthrough_card())
            for event, status, listed in order:
                deliver(dispute(asked, event, status, at=LATER if status == "won" else OPENED, **listed))
            work()
            work()
            assert ended() == money("won", paid=0)
            assert CardTransaction.objects.filter(transaction_type="chargeback").count() == 2
            forget_all()

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_what_was_told_without_an_id_is_the_same_under_its_id(
        self, card: VirtualCard, order: tuple[int, int]
    ) -> None:
        asked = settled(card)
        told = [REINSTATED(asked), dispute(asked, "closed", "won", at=LATER, **balance_transactions(4500))]
        deliver(*[told[place] for place in order])
        work()

        assert ended() == money("won", paid=0)
        kept = CardTransaction.objects.get(transaction_type="chargeback")
        assert kept.issuer_transaction_id.endswith(":txn_0_4500")

    def test_another_amount_under_the_id_is_a_case_and_not_taken_over(self, card: VirtualCard) -> None:
        asked = settled(card)
        deliver(REINSTATED(asked), dispute(asked, "updated", "submitted", **balance_transactions(4400)))

        assert CardTransaction.objects.get(transaction_type="chargeback").amount_minor == 4500
        assert Case.objects.filter(kind="transaction_differs").count() == 1

    def test_a_provisional_credit_is_nobodys_until_the_dispute_is_over(self, card: VirtualCard) -> None:
        asked = settled(card)
        credit = balance_transactions(4500, kind="issuing_dispute_provisional_credit")
        deliver(dispute(asked, "submitted", "submitted", **credit))
        work()

        assert ended() == money("submitted", paid=4500) | {"provisional": -4500, "open cases": ["dispute"]}
        deliver(closed("won")(asked))
        work()
        assert ended() == money("won", paid=0)


def test_more_taken_back_than_given_charges_nobody_beyond_the_purchase(card: VirtualCard) -> None:
    asked = settled(card)
    deliver(dispute(asked, "funds_rescinded", "lost", at=LATER, **balance_transactions(2000, -4500)))
    work()

    assert ended() == money("lost", paid=4500) | {"clearing": 2500}, "the gap stays in sight"


def test_money_rescinded_after_a_write_off_opens_a_new_case(card: VirtualCard) -> None:
    """A force capture that nobody paid for: two people write off what is left, and then the dispute is lost."""
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    capture = posted(asked, authorization=None)
    about = {"transaction": capture["data"]["object"]["id"]}
    deliver(capture, dispute(asked, "funds_reinstated", "won", **about, **balance_transactions(744)))
    first, (ada, bob) = Case.objects.get(kind="approved_without_us"), (UserFactory(is_staff=True) for _ in range(2))
    case_proposals.propose(case=first, user=ada, proposal="write_off", reason="Not ours")
    assert case_proposals.agree(case=first, user=bob, reason="Not ours").minor == 4500 - 744

    deliver(dispute(asked, "funds_rescinded", "lost", at=LATER, **about, **balance_transactions(744, -744)))

    again = Case.objects.get(kind="approved_without_us", status="open")
    assert (again.pk != first.pk, again.amount_minor) == (True, 744)
    case_proposals.propose(case=again, user=ada, proposal="write_off", reason="Not ours")
    case_proposals.agree(case=again, user=bob, reason="Not ours")
    assert not Case.objects.filter(status="open").exists()
    assert ledger.balance(Account.PURCHASES, currency="USD", reference=first.reference) == 0


def test_a_dispute_about_something_unknown_waits_for_it(card: VirtualCard) -> None:
    asked = approved(card)
    deliver(REINSTATED(asked))

    row, kept = Dispute.objects.get(), CardTransaction.objects.get()
    assert (row.transaction, row.authorization, kept.authorization) == (None, None, None)
    assert not Posting.objects.exists()
    assert Case.objects.filter(kind="dispute", status="open").count() == 1


def test_news_is_applied_in_a_transaction_only(monkeypatch: pytest.MonkeyPatch) -> None:
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
