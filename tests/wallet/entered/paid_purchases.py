"""Purchases that funding cards have paid, for tests of what staff give back of them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from onecard.kit import clock
from onecard.kit.money import Money
from onecard.users.models import User
from tests.support.sandboxes import CITI, intended_charge
from tests.wallet.casework.desks import WHY, clerk
from tests.wallet.charges.unpaid import capture, pay
from wallet.accounts import Account
from wallet.entered import purchase_refunds
from wallet.entered.amounts import EnteredRefusedError
from wallet.entered.purchase_refunds import RefundRefusedError
from wallet.ledger import postings as ledger
from wallet.models import EnteredAmount, FundingCharge, FundingDispute, FundingObligation, FundingRefund, Posting
from wallet.obligations import lifecycle as obligations
from wallet.states import Refund

PURCHASE = "authorization:1"
COUNTS = [each for each in Refund.values if each != Refund.CANCELED]


def paid(
    minor: int = 4500,
    *more: int,
    purchase: str = PURCHASE,
    taken_minor: int | None = None,
    method_id: str = CITI,
) -> FundingCharge:
    """A purchase that a card paid, with further charges for what a merchant took later; returns its first charge."""
    first = intended_charge(amount_minor=minor, method_id=method_id)
    FundingObligation.objects.filter(pk=first.obligation_id).update(purchase=purchase)
    pay(first)
    for number, each in enumerate(more, start=2):
        pays_more(first, each, number, purchase=purchase)
    whole = minor + sum(more) if taken_minor is None else taken_minor
    if whole:
        capture(whole, reference=purchase, key=f"capture:{purchase}")
    return first


def pays_more(first: FundingCharge, minor: int, number: int = 2, *, purchase: str = PURCHASE) -> FundingCharge:
    with transaction.atomic():
        charge = obligations.begin(
            method=first.method,
            reference=f"{purchase}:{number}",
            purchase=purchase,
            description="A tip",
            money=Money(minor, "USD"),
        )
    pay(charge)
    return charge


def given_back_minor(purchase: str = PURCHASE) -> int:
    rows = FundingRefund.objects.filter(obligation__purchase=purchase, status__in=COUNTS)
    return sum(rows.values_list("amount_minor", flat=True))


def refund(
    minor: int, *, user: User | None = None, purchase: str = PURCHASE, seen: int | None = None, currency: str = "USD"
) -> EnteredAmount:
    return purchase_refunds.refund(
        purchase=purchase,
        amount=Money(minor, currency),
        reason=WHY,
        user=user or clerk(),
        shown_minor=given_back_minor(purchase) if seen is None else seen,
    )


def assert_refused(call: Callable[[], Any], words: str) -> None:
    before = (FundingRefund.objects.count(), Posting.objects.count(), EnteredAmount.objects.count())
    with pytest.raises((RefundRefusedError, EnteredRefusedError), match=words):
        call()
    assert (FundingRefund.objects.count(), Posting.objects.count(), EnteredAmount.objects.count()) == before


def disputed(charge_id: int, status: str) -> None:
    now = clock.now()
    FundingDispute.objects.create(
        charge_id=charge_id,
        processor_dispute_id=f"du_{charge_id}",
        status=status,
        amount_minor=100,
        currency="USD",
        told_at=now,
        opened_at=now,
        created_at=now,
        updated_at=now,
    )


def goodwill() -> int:
    return ledger.balance(Account.GOODWILL, currency="USD", reference=PURCHASE)
