"""The end of a purchase: what was captured is what is paid, in whatever order it is told (money-safety I7, I8, I10)."""

import datetime as dt
import itertools
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from issuing.authorizations import close_out
from issuing.billing import amount_due
from issuing.handlers import dispatch
from issuing.models import Authorization, CardTransaction, Hold, IssuerEvent, SpendWindow, VirtualCard
from onecard.kit import clock
from tests import stripe_events
from tests.processors import Obliging
from tests.wallets import walkthrough_card
from wallet.accounts import Account
from wallet.charges import charge as charges
from wallet.charges import outcomes
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingCharge, FundingObligation, FundingRefund
from wallet.processors.base import Outcome
from wallet.refunds import send as refund_sending

pytestmark = pytest.mark.django_db
MUCH_LATER = dt.timedelta(days=2)


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


def approved(card: VirtualCard, amount: int = 4500) -> dict[str, Any]:
    asked = stripe_events.authorization_request(card=card.issuer_card_id, amount=amount)
    assert stripe_events.post(asked).json()["approved"] is True
    return asked


def deliver(*events: dict[str, Any]) -> None:
    for event in events:
        assert stripe_events.post(event).status_code == 200
        stored = IssuerEvent.objects.get(event_id=event["id"])
        assert dispatch.handle(event_pk=stored.pk) in ("handled", "kept")


def moved(asked: dict[str, Any], amount: int, *, kind: str = "capture", number: int = 1) -> dict[str, Any]:
    content = {
        "id": f"ipi_{kind}_{number}_{asked['data']['object']['id']}",
        "type": kind,
        "amount": -amount if kind == "capture" else amount,
        "currency": "usd",
        "card": asked["data"]["object"]["card"]["id"],
        "authorization": asked["data"]["object"]["id"],
        "created": 1_790_000_000 + number,
        "merchant_data": {"category_code": "5812", "name": "Starbucks Coffee"},
    }
    return stripe_events.event("issuing_transaction.created", content)


def news(asked: dict[str, Any], status: str, **more: Any) -> dict[str, Any]:
    return stripe_events.authorization_update(asked, kind="updated", status=status, **more)


def work() -> None:
    """Time passes: closed purchases are settled, and the processor takes every charge and refund."""
    close_out.sweep(now=clock.now() + MUCH_LATER)
    for charge in FundingCharge.objects.filter(status__in=("intended", "held")):
        charges.charge(charge_id=charge.pk, processor=Obliging())
    for refund in FundingRefund.objects.filter(status="intended").exclude(charge=None):
        refund_sending.refund(refund_id=refund.pk, processor=Obliging())


def books() -> dict[str, Any]:
    """How it ended: the purchase, the limits, what the cardholder paid, and what is left in clearing."""
    purchase = Authorization.objects.get()
    name = purchase.reference
    charged = sum(each.obligation.payable.minor for each in FundingCharge.objects.filter(status="succeeded"))
    given = sum(each.amount_minor for each in FundingRefund.objects.filter(status="succeeded"))
    return {
        "status": purchase.status,
        "paid": charged - given,
        "spent": set(SpendWindow.objects.values_list("spent_minor", flat=True)),
        "clearing": ledger.balance(Account.PURCHASES, currency="USD", reference=name),
        "open cases": Case.objects.filter(status="open").count(),
        "held": FundingCharge.objects.filter(status__in=("held", "capturing")).count(),
    }


def ended(paid: int, spent: int, status: str = "settled") -> dict[str, Any]:
    return {"status": status, "paid": paid, "spent": {spent}, "clearing": 0, "open cases": 0, "held": 0}


LIVES: dict[str, tuple[list[tuple[str, int]], dict[str, Any]]] = {
    "captured whole": ([("capture", 4500), ("closed", 0)], ended(4500, 4500)),
    "captured for less": ([("capture", 4000), ("closed", 0)], ended(4000, 4000)),
    "captured for more": ([("capture", 5400), ("closed", 0)], ended(5400, 5400)),
    "in two parts": ([("capture", 2000), ("capture", 2500), ("closed", 0)], ended(4500, 4500)),
    "in parts for less": ([("capture", 2000), ("capture", 1000), ("closed", 0)], ended(3000, 3000)),
    "given back": ([("capture", 4500), ("closed", 0), ("refund", 4500)], ended(0, 4500)),
    "given back in part": ([("capture", 4500), ("closed", 0), ("refund", 700)], ended(3800, 4500)),
    "reversed": ([("reversed", 0)], ended(0, 0, "reversed")),
    "expired": ([("expired", 0)], ended(0, 0, "expired")),
    "closed with nothing": ([("closed", 0)], ended(0, 0)),
}


@pytest.mark.parametrize("policy", ["charge_now", "hold_then_capture"])
@pytest.mark.parametrize("days_pass", [False, True])
@pytest.mark.parametrize("life", LIVES)
def test_every_order_of_a_purchases_events_ends_the_same(
    life: str, days_pass: bool, policy: str, settings: Settings
) -> None:
    """With days between them, what a late capture takes is not counted on the limits of a day that is long over."""
    settings.FUNDING_POLICY = policy
    steps, end = LIVES[life]
    end = {name: value for name, value in end.items() if name != "spent" or not days_pass}
    for order in itertools.permutations(range(len(steps))):
        card = walkthrough_card()
        asked = approved(card)
        work()
        told = [
            moved(asked, amount, kind=kind, number=number) if kind in ("capture", "refund") else news(asked, kind)
            for number, (kind, amount) in enumerate(steps, start=1)
        ]
        for place in order:
            deliver(told[place])
            if days_pass:
                work()
        work()
        work()
        found = books()
        assert {name: found[name] for name in end} == end, [steps[place][0] for place in order]
        forget()


def forget() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for model in (Case, FundingRefund, FundingCharge, Hold, CardTransaction):
            model.objects.all().delete()
        for table in ("issuing_decision", "issuing_authorization", "wallet_fundingobligation", "issuing_spendwindow"):
            cursor.execute(f"DELETE FROM {table}")
        cursor.execute("SET session_replication_role = DEFAULT")


def test_while_a_capture_may_be_on_its_way_nothing_is_given_back(card: VirtualCard) -> None:
    asked = approved(card)
    work_without_time()
    deliver(news(asked, "closed"))
    assert Authorization.objects.get().settle_due_at is not None
    assert not FundingRefund.objects.exists()

    deliver(moved(asked, 4500))
    assert close_out.sweep() == 0
    assert books()["paid"] == 4500


def work_without_time() -> None:
    for charge in FundingCharge.objects.filter(status="intended"):
        FundingCharge.objects.filter(pk=charge.pk).update(status="sending")
        outcomes.record(charge_id=charge.pk, outcome=Outcome("succeeded", f"pi_{charge.pk}"), actor="processor:stripe")


def test_a_repeat_of_every_event_changes_nothing(card: VirtualCard) -> None:
    asked = approved(card)
    told = [moved(asked, 4000), news(asked, "closed"), moved(asked, 500, kind="refund", number=2)]
    for event in told * 3:
        stripe_events.post(event)
        dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk)
        work()
    assert books() == ended(3500, 4000)
    assert FundingObligation.objects.count() == 1


def test_a_refund_before_its_capture_waits_for_it(card: VirtualCard) -> None:
    asked = approved(card)
    work_without_time()
    deliver(moved(asked, 4500, kind="refund", number=2))
    assert books()["paid"] in (0, 4500)
    deliver(moved(asked, 4500), news(asked, "closed"))
    work()
    work()
    assert books() == ended(0, 4500)


def told_total(asked: dict[str, Any], amount: int, *, rounds: int = 1) -> dict[str, Any]:
    history = [{"approved": True, "reason": "webhook_approved", "amount": 4500}] * rounds
    return news(asked, "pending", amount=amount, request_history=history)


def test_a_partial_reversal_gives_back_limits_and_money(card: VirtualCard) -> None:
    asked = approved(card)
    work_without_time()

    deliver(told_total(asked, 3000), told_total(asked, 3000))
    work()

    assert books() == ended(3000, 3000, "approved") | {"clearing": -3000}


@pytest.mark.parametrize(("amount", "rounds"), [(3000, 0), (3000, 2), (0, 1), (4500, 1), (5000, 1)])
def test_a_total_that_is_old_or_no_less_is_no_partial_reversal(card: VirtualCard, amount: int, rounds: int) -> None:
    asked = approved(card)
    deliver(told_total(asked, amount, rounds=rounds))
    assert (Authorization.objects.get().approved_minor, FundingRefund.objects.count()) == (4500, 0)


@pytest.mark.parametrize("end", ["expired", "reversed"])
def test_a_purchase_closed_after_its_end_is_charged_what_was_captured(card: VirtualCard, end: str) -> None:
    asked = approved(card)
    work_without_time()
    deliver(news(asked, end, amount=0), moved(asked, 2000))
    work_without_time()

    deliver(news(asked, "closed"))

    purchase = Authorization.objects.get()
    assert (purchase.status, purchase.approved_minor, purchase.settle_due_at) == ("settled", 2000, None)
    assert amount_due.position_of(purchase).due_minor == 2000
    work()
    assert (books()["paid"], books()["open cases"]) == (2000, 0)

    deliver(moved(asked, 1000, number=2))
    work()
    assert books()["paid"] == 3000


def test_after_a_capture_no_total_is_taken_for_a_reversal(card: VirtualCard) -> None:
    asked = approved(card)
    deliver(moved(asked, 2000), told_total(asked, 2500))
    assert Authorization.objects.get().approved_minor == 4500


def test_an_unrequested_capture_stays_a_case_when_the_purchase_expires(card: VirtualCard) -> None:
    asked = approved(card, amount=0)

    deliver(moved(asked, 100), news(asked, "expired"))

    case = Case.objects.get(status="open")
    assert (case.kind, case.amount_minor) == ("approved_without_us", 100)
