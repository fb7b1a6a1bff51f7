"""Captures, refunds, the nightly check and cancelling wait while our account is refused."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from onecard.kit import clock
from tests.sandbox.running import RunningSandbox
from tests.support.sandboxes import given_back, intended_charge, let_probe, processor_sandbox
from tests.wallet.charges.cascades import a_wallet
from tests.wallet.processors.refusals import INTENTS, LIVE, make_due, refuse
from wallet.charges import cancel
from wallet.charges import charge as charges
from wallet.methods import nightly_check
from wallet.models import Case, FundingCharge, FundingMethod, FundingRefund, ProcessorPause
from wallet.processors import account_refusals
from wallet.processors.base import AccountRefusedError, RefundOutcome
from wallet.refunds import records as refunds
from wallet.refunds import send as refund_sending

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


REFUNDS = "/v1/refunds"


def test_capture_waits_while_our_account_is_refused(sandbox: RunningSandbox) -> None:
    charge = intended_charge(policy="hold_then_capture", capture_due_at=clock.now())
    assert charges.charge(charge_id=charge.pk) == "held"
    refuse(sandbox, path=f"{INTENTS}/*", times=None)

    assert charges.charge(charge_id=charge.pk) == "capturing"
    assert [case.kind for case in Case.objects.all()] == ["account_refused"]
    sandbox.sandbox.scenarios.clear()
    make_due(charge)

    assert charges.charge(charge_id=charge.pk) == "succeeded"
    assert Case.objects.get().status == "resolved"


@pytest.mark.parametrize(
    "trouble",
    [
        {"error_message": LIVE},
        {"error_code": "balance_insufficient", "error_message": "Not enough."},
        {"error_message": "Insufficient funds in your Stripe account. One likely reason is your payout schedule."},
        {"error_status": 403, "error_message": "No permission."},
    ],
)
def test_refund_waits_while_our_account_is_refused(sandbox: RunningSandbox, trouble: dict[str, Any]) -> None:
    charge = intended_charge()
    charges.charge(charge_id=charge.pk)
    with transaction.atomic():
        refund = refunds.begin(obligation=charge.obligation, amount_minor=1500, reason="Less.", actor="user:1")
    refuse(sandbox, path=REFUNDS, **trouble)

    assert refund_sending.refund(refund_id=refund.pk) == "intended"
    assert [case.kind for case in Case.objects.all()] == ["account_refused"]
    let_probe()
    FundingRefund.objects.update(next_attempt_at=clock.now())

    assert refund_sending.refund(refund_id=refund.pk) == "succeeded"
    assert [each["amount"] for each in given_back()] == [1500]
    assert Case.objects.get().status == "resolved"


def test_a_refund_that_waits_for_its_charge_keeps_no_pause(sandbox: RunningSandbox) -> None:
    """It is not sent before the charge succeeds, so it would never show that our account is accepted again."""
    charge = intended_charge()
    with transaction.atomic():
        refund = refunds.begin(obligation=charge.obligation, amount_minor=1500, reason="Less.", actor="user:1")
    assert refund.charge is None
    account_refusals.refused("refunds", AccountRefusedError(LIVE), started_at=clock.now())
    refund_sending.sweep()
    assert ProcessorPause.objects.exists(), "the time of the probe has not come"

    let_probe()
    refund_sending.sweep()

    assert not ProcessorPause.objects.exists()
    assert Case.objects.get().status == "resolved"
    assert given_back() == []


def test_refund_that_our_empty_balance_failed_is_sent_again_later(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    charges.charge(charge_id=charge.pk)
    with transaction.atomic():
        refund = refunds.begin(obligation=charge.obligation, amount_minor=1500, reason="Less.", actor="user:1")
    refund_sending.refund(refund_id=refund.pk)
    refund.refresh_from_db()

    failed = RefundOutcome("failed", refund.processor_refund_id or "", failure_code="insufficient_funds")
    refunds.apply_update(failed)
    refunds.apply_update(failed)

    again = FundingRefund.objects.exclude(pk=refund.pk).get()
    assert (again.amount_minor, again.status) == (1500, "intended")
    assert again.next_attempt_at is not None
    assert again.next_attempt_at > clock.now() + dt.timedelta(minutes=50)
    assert [case.kind for case in Case.objects.all()] == ["account_refused"]
    assert refunds.given_back_minor(charge.obligation) == 1500


def test_nightly_check_concludes_nothing_when_our_key_is_refused(sandbox: RunningSandbox) -> None:
    a_wallet(cards=2)
    refuse(sandbox, path="/v1/payment_methods/*", method="GET", times=None, error_status=401, error_message="Expired.")

    assert nightly_check.check_methods(sleep=lambda _s: None) is None

    assert not FundingMethod.objects.exclude(status="active").exists()
    assert [case.kind for case in Case.objects.all()] == ["account_refused"]
    sandbox.sandbox.scenarios.clear()
    nightly_check.check_methods(sleep=lambda _s: None)
    assert Case.objects.get().status == "resolved"


def test_call_off_does_not_give_up_while_our_account_is_refused(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path=INTENTS, do="requires_action")
    assert charges.charge(charge_id=charge.pk) == "requires_action"
    FundingCharge.objects.update(updated_at=clock.now() - dt.timedelta(hours=2))
    refuse(sandbox, path=f"{INTENTS}/*", error_status=401, error_message="Expired.")

    cancel.cancel_waiting(obligation_id=charge.obligation_id, actor="system:test")

    assert not Case.objects.exists()
