"""Unusual dispute events: several movements, every status, other currencies, unreadable content."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from issuing.models import IssuerEvent
from onecard.kit.currency_units import to_stripe
from onecard.kit.money import Money
from tests.issuing.handlers.charge_disputes import (
    balance,
    deliver_dispute_events,
    deliver_event,
    end_dispute,
    open_cases,
    open_dispute,
    paid_charge,
)
from tests.sandbox.running import RunningSandbox
from tests.support import stripe_events
from tests.support.sandboxes import processor_sandbox
from wallet.accounts import Account
from wallet.ledger import check as ledger_check
from wallet.ledger import postings as ledger
from wallet.models import FundingCharge, FundingDispute, FundingObligation, FundingRefund

pytestmark = pytest.mark.django_db(transaction=True)
FIRST = {"id": "txn_1", "amount": -4500, "fee": 1500, "currency": "usd"}
BACK = {"id": "txn_2", "amount": 4500, "fee": -1500, "currency": "usd"}
AGAIN = {"id": "txn_3", "amount": -4500, "fee": 1500, "currency": "usd"}


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


def dispute_content(charge: FundingCharge, **changes: Any) -> dict[str, Any]:
    content = {"id": "dp_1", "object": "dispute", "status": "needs_response", "amount": 4500, "currency": "usd"}
    content |= {"reason": "fraudulent", "charge": "ch_1", "payment_intent": charge.processor_charge_id}
    return content | {"created": 1_700_000_000, "balance_transactions": []} | changes


def deliver_dispute_event(kind: str, content: dict[str, Any], *, at: int = 0) -> str:
    event = stripe_events.event(f"charge.dispute.{kind}", content, created=int(time.time()) - 1000 + at)
    return deliver_event(event)


def test_money_taken_twice_is_booked_once_for_each_movement(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    for at, moved in enumerate([[FIRST], [FIRST], [FIRST, BACK], [FIRST, BACK, AGAIN]]):
        deliver_dispute_event("updated", dispute_content(charge, balance_transactions=moved), at=at)
    assert balance(Account.FUNDING_DISPUTES) == 4500
    assert (balance(Account.PROCESSOR), balance(Account.FEES)) == (-1500, 1500)

    deliver_dispute_event(
        "closed", dispute_content(charge, status="lost", balance_transactions=[FIRST, BACK, AGAIN]), at=9
    )

    assert FundingDispute.objects.get().lost_minor == 4500
    assert open_cases() == ["receivable"]
    assert ledger_check.check() == []


def test_part_that_comes_back_after_a_loss_is_not_owed(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    deliver_dispute_event("closed", dispute_content(charge, status="lost", balance_transactions=[FIRST]), at=1)
    part = BACK | {"amount": 2000, "fee": 0}

    deliver_dispute_event(
        "funds_reinstated", dispute_content(charge, status="lost", balance_transactions=[FIRST, part]), at=2
    )

    found = FundingDispute.objects.get()
    assert (found.withdrawn_minor, found.lost_minor) == (2500, 2500)
    assert ledger_check.check() == []


@pytest.mark.parametrize(
    ("status", "cases", "card"),
    [
        ("warning_needs_response", ["charge_disputed"], "active"),
        ("warning_under_review", ["charge_disputed"], "active"),
        ("warning_closed", [], "active"),
        ("prevented", [], "active"),
        ("won", [], "active"),
        ("lost", [], "disabled"),
        ("under_review", ["charge_disputed"], "disabled"),
        ("charge_refunded", ["unhandled_money"], "active"),
        ("a_new_word", ["unhandled_money"], "active"),
    ],
)
def test_the_first_event_of_a_dispute_may_have_any_status(
    sandbox: RunningSandbox, status: str, cases: list[str], card: str
) -> None:
    charge = paid_charge()

    deliver_dispute_event("updated", dispute_content(charge, status=status))

    charge.method.refresh_from_db()
    assert (open_cases(), charge.method.status) == (cases, card)


@pytest.mark.parametrize(
    ("currency", "minor", "part"),
    [("KWD", 10120, 5060), ("JPY", 4500, 2000), ("ISK", 4500, 2000), ("UGX", 4500, 2000), ("MGA", 4500, 2000)],
)
def test_lost_part_is_owed_in_its_own_currency(sandbox: RunningSandbox, currency: str, minor: int, part: int) -> None:
    charge = paid_charge(minor, currency=currency)
    disputed = open_dispute(sandbox, charge, amount=to_stripe(Money(part, currency)))
    deliver_dispute_events(sandbox)
    assert ledger.balance(Account.FUNDING_DISPUTES, currency=currency) == part

    end_dispute(sandbox, disputed, "lose")
    deliver_dispute_events(sandbox)

    owed = FundingObligation.objects.exclude(pk=charge.obligation_id).get()
    assert (owed.amount_minor, owed.currency) == (part, currency)
    assert ledger_check.check() == []


@pytest.mark.parametrize(
    "odd",
    [
        {"amount": None},
        {"amount": "4500"},
        {"amount": 45.5},
        {"amount": 10**30},
        {"amount": True},
        {"currency": "xxx"},
        {"balance_transactions": [1]},
        {"balance_transactions": [{"id": "txn_1"}]},
        {"balance_transactions": [FIRST | {"amount": -(10**30)}]},
        {"balance_transactions": [FIRST | {"fee": "x"}]},
    ],
)
def test_dispute_that_cannot_be_read_is_rejected_with_a_case(sandbox: RunningSandbox, odd: dict[str, Any]) -> None:
    charge = paid_charge()

    assert deliver_dispute_event("created", dispute_content(charge, **odd)) == "rejected"

    assert open_cases() == ["event_unapplied"]
    assert not FundingDispute.objects.exists()


@pytest.mark.parametrize("amount", [0, -1500, 10**30, None, "1500", True, 15.5])
@pytest.mark.parametrize("kind", ["refund.created", "charge.refund.updated"])
def test_refund_that_cannot_be_read_is_rejected_with_a_case(sandbox: RunningSandbox, amount: Any, kind: str) -> None:
    charge = paid_charge()
    content = {"id": "re_1", "object": "refund", "status": "succeeded", "currency": "usd", "amount": amount}

    event = stripe_events.event(kind, content | {"payment_intent": charge.processor_charge_id})
    deliver_event(event)

    assert IssuerEvent.objects.get(event_id=event["id"]).status == "rejected"
    assert open_cases() == ["event_unapplied"]
    assert not FundingRefund.objects.exists()
