"""Money returned outside the product is owed again when the merchant takes it once more."""

import pytest
from django.db import transaction

from onecard.kit.money import Money
from tests.wallet.casework.desks import WHY, assert_refused, clearing, clerk, unfunded
from tests.wallet.casework.refund_cases import bring_to, ends, merchant_gives_back, refund_that_failed
from tests.wallet.charges.unpaid import PURCHASE, capture, receivable
from wallet.casework import actions as case_actions
from wallet.casework import proposals as case_proposals
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingObligation, FundingRefund

pytestmark = pytest.mark.django_db


def settle_outside(case: Case) -> Money:
    case_proposals.propose(case=case, proposal="outside", user=clerk(), reason=WHY)
    return case_proposals.agree(case=case, user=clerk(), reason=WHY)


def test_money_returned_outside_is_owed_again_after_another_capture() -> None:
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


def test_no_case_asks_to_return_money_that_is_owed_again() -> None:
    settle_outside(receivable())
    merchant_gives_back(1000)
    bring_to(3500)
    told = Case.objects.get(kind="refund_failed", status="open")

    capture(1500, key="capture:again")
    assert bring_to(5000) == 500

    told.refresh_from_db()
    assert told.status == "resolved"


def test_outside_money_counts_where_no_card_was_asked() -> None:
    settle_outside(unfunded(captured_minor=3000))
    merchant_gives_back(1000, reference="authorization:7")
    bring_to(2000, purchase="authorization:7")
    told = Case.objects.get(kind="refund_failed", status="open")

    capture(1500, reference="authorization:7", key="capture:again")
    assert bring_to(3500, purchase="authorization:7") == 0

    told.refresh_from_db()
    assert told.status == "resolved"
    assert not FundingObligation.objects.exists()


def test_money_sent_out_for_one_failed_refund_is_not_sent_again() -> None:
    settle_outside(refund_that_failed(1000))
    merchant_gives_back(500)
    bring_to(3000)
    ends(FundingRefund.objects.latest("pk"), "failed")
    merchant_gives_back(700)
    bring_to(2300)  # On its way to the card, and in clearing until it is there.

    assert str(settle_outside(Case.objects.get(kind="refund_failed", status="open"))) == "5.00 USD"
    assert clearing() == -700


def test_a_cards_balance_does_not_replace_an_outside_return() -> None:
    """Found by a random life: the merchant gave back more than it took of what had come by a transfer."""
    settle_outside(receivable())
    merchant_gives_back(5200)
    bring_to(0)
    with transaction.atomic():
        ledger.post(kind="balance_spent", key="b:1", money=Money(700, "USD"), reference=PURCHASE, back=True)
    told = Case.objects.get(kind="refund_failed")

    assert_refused(lambda: case_actions.resolve(case=told, user=clerk(), reason=WHY), "45.00 USD is in clearing")
    assert str(settle_outside(told)) == "45.00 USD"
    assert clearing() == 0
