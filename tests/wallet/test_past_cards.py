"""What went out past the product is owed again when the merchant takes the money once more."""

import pytest
from django.db import transaction

from onecard.kit.money import Money
from tests.wallet.desks import WHY, clearing, clerk
from tests.wallet.test_case_proposals import bring_to, merchant_gives_back
from tests.wallet.unpaid import PURCHASE, capture, receivable
from wallet import case_proposals, ledger
from wallet.models import Case, FundingObligation

pytestmark = pytest.mark.django_db


def settle_outside(case: Case) -> Money:
    case_proposals.propose(case=case, proposal="outside", user=clerk(), reason=WHY)
    return case_proposals.agree(case=case, user=clerk(), reason=WHY)


def test_what_was_sent_back_outside_is_owed_again_when_the_merchant_takes_it_again() -> None:
    """Paid by transfer, won from the merchant and sent back, then lost to it: somebody has to pay, or be asked to."""
    settle_outside(receivable())
    merchant_gives_back(1000)
    bring_to(3500)
    assert str(settle_outside(Case.objects.get(kind="refund_failed"))) == "10.00 USD"
    assert clearing() == 0

    capture(1000, key="capture:again")
    bring_to(4500)

    asked = FundingObligation.objects.exclude(status="released").values_list("amount_minor", flat=True)
    assert (clearing(), list(asked)) == (1000, [1000])
    assert bring_to(4500) == 0


def test_the_same_amount_sent_back_twice_is_two_cases() -> None:
    settle_outside(receivable())
    for number, owed in enumerate((3500, 2500)):
        with transaction.atomic():
            money = Money(1000, "USD")
            ledger.post(kind="merchant_refund", key=f"back:{number}", money=money, reference=PURCHASE)
        bring_to(owed)
        bring_to(owed)
        assert str(settle_outside(Case.objects.get(kind="refund_failed", status="open"))) == "10.00 USD"
        assert (clearing(), bring_to(owed)) == (0, 0)
    assert not Case.objects.filter(status="open").exists()
