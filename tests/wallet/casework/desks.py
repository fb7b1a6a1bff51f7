"""Cases on somebody's desk, and the people who work them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from onecard.kit.money import Money
from onecard.users.models import User
from tests.support.factories import UserFactory
from tests.support.sandboxes import intended_charge
from tests.wallet.charges.unpaid import PURCHASE, capture, pay
from wallet import cases
from wallet.accounts import Account
from wallet.casework.desk import CaseRefusedError
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingObligation

WHY = "Agreed on the phone"


def clerk() -> User:
    return UserFactory(is_staff=True)


def difference(kind: str = "card_differs", reference: str = "virtualcard:1") -> Case:
    with transaction.atomic():
        return cases.open_case(kind=kind, reference=reference, money=Money(0, "USD"), summary="They differ.")


def unfunded(captured_minor: int = 3000) -> Case:
    """45.00 USD that the issuer approved by itself."""
    if captured_minor:
        capture(captured_minor, reference="authorization:7", key="capture:7")
    with transaction.atomic():
        return cases.open_case(
            kind="approved_without_us", reference="authorization:7", money=Money(4500, "USD"), summary="By itself."
        )


def paid_case() -> Case:
    charge = intended_charge()
    FundingObligation.objects.filter(pk=charge.obligation_id).update(purchase=PURCHASE)
    pay(charge)
    with transaction.atomic():
        return cases.open_obligation_case(
            kind="charged_without_purchase", obligation=charge.obligation, summary="Charged."
        )


def clearing(reference: str = PURCHASE) -> int:
    return ledger.balance(Account.PURCHASES, currency="USD", reference=reference)


def assert_refused(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(CaseRefusedError, match=words):
        call()


def tried(call: Callable[[], Any]) -> Callable[[], str]:
    """The call as a thread makes it: its refusal is its result."""

    def run() -> str:
        try:
            call()
        except CaseRefusedError as error:
            return error.message
        return "done"

    return run
