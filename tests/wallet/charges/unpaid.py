"""A purchase that nobody paid, as the cascade leaves it, for tests of what people do about it."""

from django.db import transaction

from onecard.kit.money import Money
from tests.support.sandboxes import intended_charge
from wallet.charges import cascade, outcomes
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingCharge, FundingObligation
from wallet.processors.base import Outcome

PURCHASE = "authorization:1"


def fail(charge: FundingCharge, code: str = "do_not_honor") -> None:
    FundingCharge.objects.filter(pk=charge.pk).update(status="sending", attempts=1)
    outcomes.record(charge_id=charge.pk, outcome=Outcome("declined", f"pi_{charge.pk}", code), actor="system:test")


def pay(charge: FundingCharge) -> None:
    FundingCharge.objects.filter(pk=charge.pk).update(status="sending", attempts=1)
    outcomes.record(charge_id=charge.pk, outcome=Outcome("succeeded", f"pi_{charge.pk}"), actor="system:test")


def capture(amount_minor: int = 4500, *, reference: str = PURCHASE, key: str = "capture:1") -> None:
    with transaction.atomic():
        ledger.post(kind="capture", key=key, money=Money(amount_minor, "USD"), reference=reference)


def receivable(*, captured_minor: int = 4500, code: str = "insufficient_funds") -> Case:
    """45.00 USD that the merchant took and the only card declined; a soft decline is to be tried again by the clock."""
    charge = intended_charge()
    FundingObligation.objects.filter(pk=charge.obligation_id).update(purchase=PURCHASE)
    if captured_minor:
        capture(captured_minor)
    fail(charge, code)
    assert cascade.next_charge(obligation_id=charge.obligation_id, method_ids=[], actor="system:test") == "owed"
    return Case.objects.select_related("obligation").get(kind="receivable")


def statuses(case: Case) -> list[tuple[int, str]]:
    """The charges of a case as (sequence, status)."""
    charges = FundingCharge.objects.filter(obligation=case.obligation).order_by("sequence")
    return list(charges.values_list("sequence", "status"))
