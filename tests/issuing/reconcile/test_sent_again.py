"""A refund that was posted, came back and was sent again agrees with the ledger in each of its states."""

import pytest

from onecard.kit.transactions import transaction
from tests.issuing.reconcile.books import books, given_back, paid_charge
from wallet import locking as wallet_locking
from wallet.ledger import check as ledger_check
from wallet.models import FundingRefund
from wallet.processors.base import RefundOutcome
from wallet.refunds import records as refunds

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_refund_that_came_back_and_was_sent_again_has_no_difference() -> None:
    charge = paid_charge()
    first = given_back(charge)
    refunds.record(refund_id=first.pk, outcome=RefundOutcome("failed", "re_1"), actor="system:test")
    assert (books()[1], ledger_check.check()) == ([], [])

    with transaction():
        obligation = wallet_locking.lock(charge.obligation_id)
        again = refunds.begin_again(obligation=obligation, reason="Once more", actor="user:1")
    assert (books()[1], ledger_check.check()) == ([], [])

    FundingRefund.objects.filter(pk=again.pk).update(status="sending")
    refunds.record(refund_id=again.pk, outcome=RefundOutcome("succeeded", "re_2"), actor="system:test")
    assert (books()[1], ledger_check.check()) == ([], [])
