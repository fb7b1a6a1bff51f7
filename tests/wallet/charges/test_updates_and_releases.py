"""Charges that are told of out of turn, and those whose purchase is released at any moment of theirs."""

import datetime as dt

import pytest
from django.db import transaction

from onecard.kit import clock
from tests.sandbox.running import RunningSandbox
from tests.support.processors import Obliging
from tests.support.sandboxes import given_back, intended_charge, intents
from tests.wallet.charges.test_charge import make_due, sandbox
from wallet import states
from wallet.charges import charge as charges
from wallet.charges import outcomes
from wallet.models import Case, FundingCharge, FundingRefund
from wallet.obligations import lifecycle as obligations
from wallet.processors.base import ChargeOrder, Outcome
from wallet.refunds import send as refund_sending

__all__ = ["sandbox"]
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "late", [Outcome("processing", "pi_1"), Outcome("declined", "pi_1"), Outcome("requires_action", "pi_1")]
)
def test_a_late_update_never_moves_a_successful_charge_back(sandbox: RunningSandbox, late: Outcome) -> None:
    charge = intended_charge()
    charges.charge(charge_id=charge.pk)

    assert outcomes.record(charge_id=charge.pk, outcome=late, actor="processor:stripe") is False

    charge.refresh_from_db()
    assert (charge.status, charge.obligation.status) == ("succeeded", "funded")
    assert not Case.objects.exists()


def test_an_update_before_the_answer_finds_the_charge_by_our_id() -> None:
    charge = intended_charge()
    FundingCharge.objects.update(status=states.Charge.SENDING)

    assert outcomes.apply_update(Outcome("succeeded", "pi_early", charge_public_id=str(charge.public_id)))

    charge.refresh_from_db()
    assert (charge.status, charge.processor_charge_id) == ("succeeded", "pi_early")


@pytest.mark.parametrize("public_id", ["", "not-a-uuid", "00000000-0000-0000-0000-000000000000"])
def test_an_update_of_a_charge_that_is_not_ours_is_left_alone(public_id: str) -> None:
    assert outcomes.apply_update(Outcome("succeeded", "pi_theirs", charge_public_id=public_id)) is False


def test_releasing_before_the_charge_is_sent_cancels_it(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    with transaction.atomic():
        assert obligations.release(obligation_id=charge.obligation_id, actor="issuer:stripe")
        assert not obligations.release(obligation_id=charge.obligation_id, actor="issuer:stripe")

    assert charges.charge(charge_id=charge.pk) == "canceled"

    assert intents(sandbox) == []
    assert not Case.objects.exists()


def test_releasing_after_the_charge_succeeded_gives_the_money_back(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    charges.charge(charge_id=charge.pk)

    with transaction.atomic():
        obligations.release(obligation_id=charge.obligation_id, actor="issuer:stripe")

    (refund,) = FundingRefund.objects.all()
    assert refund_sending.refund(refund_id=refund.pk) == "succeeded"
    assert [each["amount"] for each in given_back()] == [4500]
    assert not Case.objects.exists()


def test_a_charge_in_flight_of_a_released_purchase_is_refunded() -> None:
    charge = intended_charge()
    FundingCharge.objects.update(status=states.Charge.SENDING)
    with transaction.atomic():
        obligations.release(obligation_id=charge.obligation_id, actor="issuer:stripe")
    assert not Case.objects.exists()

    outcomes.record(charge_id=charge.pk, outcome=Outcome("succeeded", "pi_1"), actor="system:funding")

    charge.refresh_from_db()
    assert (charge.status, charge.obligation.status) == ("succeeded", "released")
    (refund,) = FundingRefund.objects.all()
    assert (refund.amount_minor, refund.status, refund.charge) == (4500, "intended", charge)
    assert not Case.objects.exists()


def test_a_second_success_for_one_obligation_is_never_silent() -> None:
    first = intended_charge()
    FundingCharge.objects.update(status=states.Charge.DECLINED, processor_charge_id="pi_1")
    FundingCharge.objects.create(
        obligation=first.obligation,
        method=first.method,
        sequence=2,
        idempotency_key="second",
        status="succeeded",
        created_at=clock.now(),
        updated_at=clock.now(),
    )

    assert outcomes.apply_update(Outcome("succeeded", "pi_1"))

    first.refresh_from_db()
    assert first.status == "declined"
    assert Case.objects.get().kind == "two_charges"


class Death(BaseException):
    """The end of a worker's process."""


class DiesBeforeSending(Obliging):
    """Kills its worker before the request is sent."""

    def charge(self, order: ChargeOrder) -> Outcome:
        raise Death


@pytest.mark.parametrize("died_before_sending", [True, False])
def test_a_released_purchase_is_not_charged_by_a_later_try(sandbox: RunningSandbox, died_before_sending: bool) -> None:
    charge = intended_charge()
    if died_before_sending:
        with pytest.raises(Death):
            charges.charge(charge_id=charge.pk, processor=DiesBeforeSending())
    else:
        sandbox.order(method="POST", path="/v1/payment_intents", do="drop_request")
        assert charges.charge(charge_id=charge.pk) == "unknown"
    with transaction.atomic():
        obligations.release(obligation_id=charge.obligation_id, actor="issuer:stripe")
    make_due(charge)
    FundingCharge.objects.update(updated_at=clock.now() - dt.timedelta(minutes=5))

    assert charges.charge(charge_id=charge.pk) == "canceled"

    assert intents(sandbox) == []
    assert not Case.objects.exists()


def test_a_lost_charge_of_a_released_purchase_is_found_and_refunded(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path="/v1/payment_intents", do="drop_answer")
    assert charges.charge(charge_id=charge.pk) == "unknown"
    with transaction.atomic():
        obligations.release(obligation_id=charge.obligation_id, actor="issuer:stripe")
    make_due(charge)

    assert charges.charge(charge_id=charge.pk) == "succeeded"

    assert len(intents(sandbox)) == 1
    refund_sending.sweep(now=clock.now() + dt.timedelta(minutes=1))
    assert [each["amount"] for each in given_back()] == [4500]
