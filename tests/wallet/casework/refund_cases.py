"""Purchases that were paid and given back, and cases about a refund that failed."""

from django.db import transaction

from onecard.kit.money import Money
from tests.support.sandboxes import intended_charge
from tests.wallet.casework.desks import paid_case
from tests.wallet.charges.unpaid import PURCHASE, capture, pay
from wallet import cases
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingObligation, FundingRefund
from wallet.obligations import adjust
from wallet.processors.base import RefundOutcome
from wallet.refunds import records as refunds


def bring_to(minor: int, purchase: str = PURCHASE) -> int:
    with transaction.atomic():
        return adjust.bring_to(
            purchase=purchase, amount_due=Money(minor, "USD"), description="Bistro", is_over=True, actor="issuer:stripe"
        )


def merchant_gives_back(minor: int, reference: str = PURCHASE) -> None:
    with transaction.atomic():
        key = f"back:{reference}:{minor}"
        ledger.post(kind="merchant_refund", key=key, money=Money(minor, "USD"), reference=reference)


def ends(refund: FundingRefund, status: str) -> None:
    FundingRefund.objects.filter(pk=refund.pk).update(status="sending", attempts=1)
    outcome = RefundOutcome(status, f"re_{refund.pk}")
    assert refunds.record(refund_id=refund.pk, outcome=outcome, actor="system:test")


def surplus(minor: int) -> Case:
    merchant_gives_back(minor)
    with transaction.atomic():
        return cases.open_case(
            kind="credit_left", reference=PURCHASE, money=Money(minor, "USD"), summary="It is on no card."
        )


def paid_purchase() -> Case:
    """45.00 USD that a card paid and a merchant took, and a case about it."""
    case = paid_case()
    capture(4500)
    return case


def refund_that_failed(minor: int) -> Case:
    """The merchant took less than was paid, and the difference could not be given back."""
    charge = intended_charge()
    FundingObligation.objects.update(purchase=PURCHASE)
    pay(charge)
    capture(4500 - minor)
    bring_to(4500 - minor)
    ends(FundingRefund.objects.get(), "failed")
    return Case.objects.get(kind="refund_failed")
