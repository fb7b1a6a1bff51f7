"""A card that was switched off is not charged any more: neither for what was approved with it, nor for what follows."""

import pytest

from tests.sandbox.running import RunningSandbox
from tests.support.factories import FundingMethodFactory
from tests.support.sandboxes import intents
from tests.wallet.charges.cascades import a_wallet, owe, paid, run_out, sandbox, story
from tests.wallet.obligations.test_adjust import bring_to, first
from wallet.charges import charge as charges
from wallet.models import Case, FundingCharge, FundingMethod

__all__ = ["sandbox"]
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("status", ["disabled", "detached"])
def test_a_card_disabled_before_its_charge_is_skipped(sandbox: RunningSandbox, status: str) -> None:
    off, second = a_wallet(cards=2)
    obligation = owe(off)
    FundingMethod.objects.filter(pk=off.pk).update(status=status)

    assert run_out(obligation, [off, second]) == "funded"

    assert story(obligation) == [(off.pk, "refused", "method_not_active"), (second.pk, "succeeded", "")]
    assert [intent["payment_method"] for intent in intents(sandbox)] == [second.processor_method_id]
    off.refresh_from_db()
    assert (off.status, off.cooling_until) == (status, None), "whoever switches it on again finds it as it was"
    assert not Case.objects.exists()


def test_with_no_other_card_its_holder_owes_it(sandbox: RunningSandbox) -> None:
    (off,) = a_wallet(cards=1)
    obligation = owe(off)
    FundingMethod.objects.update(status="disabled")

    assert run_out(obligation, [off]) == "failed"

    assert "switched off before it was asked" in Case.objects.get(kind="receivable").summary
    assert intents(sandbox) == []


def test_a_possibly_accepted_charge_of_a_disabled_card_is_looked_up(sandbox: RunningSandbox) -> None:
    (card,) = a_wallet(cards=1)
    charge = owe(card).charges.get()
    sandbox.order(method="POST", path="/v1/payment_intents", do="drop_answer")
    assert charges.charge(charge_id=charge.pk) == "unknown"
    FundingMethod.objects.update(status="disabled")
    FundingCharge.objects.update(next_attempt_at=charge.created_at)

    assert charges.charge(charge_id=charge.pk) == "succeeded"
    assert paid(sandbox) == 1


def test_a_further_charge_uses_the_backup_of_a_disabled_card() -> None:
    was = first().method
    FundingMethod.objects.update(is_backup=False, status="disabled")
    backup = FundingMethodFactory(cardholder=was.cardholder, is_backup=True)

    assert bring_to(5400) == 900

    assert FundingCharge.objects.latest("pk").method == backup


def test_a_further_charge_asks_the_card_that_paid_when_no_other_can_pay() -> None:
    was = first().method
    FundingMethod.objects.update(status="disabled")

    assert bring_to(5400) == 900

    assert FundingCharge.objects.latest("pk").method == was
