"""Events of our charges that arrive before our own record, or that name another payment under our id."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from issuing.handlers import dispatch
from issuing.models import IssuerEvent
from onecard.kit import clock
from tests.issuing.handlers.charge_disputes import (
    balance,
    call_sandbox,
    deliver_event,
    open_cases,
    open_dispute,
    paid_charge,
    sandbox_events,
)
from tests.sandbox.running import RunningSandbox
from tests.support import stripe_events
from tests.support.sandboxes import intended_charge, intents, processor_sandbox
from wallet.accounts import Account
from wallet.charges import charge as charges
from wallet.ledger import check as ledger_check
from wallet.models import Case, FundingCharge, FundingDispute, FundingObligation, FundingRefund

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


def unheard(sandbox: RunningSandbox, **fields: Any) -> tuple[FundingCharge, str]:
    """A charge that succeeded at the processor while its answer was lost, and its id there."""
    charge = intended_charge(**fields)
    sandbox.order(method="POST", path="/v1/payment_intents", do="drop_answer")
    assert charges.charge(charge_id=charge.pk) == "unknown"
    return charge, str(intents(sandbox)[0]["id"])


def catch_up(charge: FundingCharge) -> None:
    """The look-up finds the success, and the events that waited for it are handled."""
    FundingCharge.objects.filter(pk=charge.pk).update(next_attempt_at=clock.now())
    assert charges.charge(charge_id=charge.pk) == "succeeded"
    dispatch.sweep(now=clock.now() + dt.timedelta(hours=2))


@pytest.mark.parametrize("kind", ["refund.created", "charge.refunded"])
def test_refund_of_a_charge_not_heard_of_yet_is_booked_later(sandbox: RunningSandbox, kind: str) -> None:
    charge, intent = unheard(sandbox)
    call_sandbox(sandbox, "/v1/refunds", payment_intent=intent, amount=1500)

    assert [deliver_event(event) for event in sandbox_events(sandbox, kind)] == ["received"]
    catch_up(charge)

    assert FundingRefund.objects.get().amount_minor == 1500
    assert (balance(Account.PROCESSOR), open_cases()) == (3000, ["event_contradiction"])
    assert ledger_check.check() == []


def test_refund_waits_for_a_charge_that_is_still_processing(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path="/v1/payment_intents", do="processing")
    assert charges.charge(charge_id=charge.pk) == "processing"
    charge.refresh_from_db()
    content = {
        "id": "ch_1",
        "object": "charge",
        "payment_intent": charge.processor_charge_id,
        "captured": True,
        "amount": 4500,
        "amount_captured": 4500,
        "amount_refunded": 1500,
        "currency": "usd",
    }
    assert deliver_event(stripe_events.event("charge.refunded", content)) == "received"
    done = {"id": charge.processor_charge_id, "object": "payment_intent", "status": "succeeded", "metadata": {}}
    assert deliver_event(stripe_events.event("payment_intent.succeeded", done)) == "handled"
    dispatch.sweep(now=clock.now() + dt.timedelta(hours=2))

    assert FundingRefund.objects.get().amount_minor == 1500


@pytest.mark.parametrize(("moved", "booked"), [(None, 0), ("txn_1", 1500)])
def test_what_a_capture_leaves_of_a_hold_is_no_refund(sandbox: RunningSandbox, moved: str | None, booked: int) -> None:
    charge = intended_charge(policy="hold_then_capture", purchase="authorization:7801")
    assert charges.charge(charge_id=charge.pk) == "held"
    charge.refresh_from_db()
    content = {"id": "re_1", "object": "refund", "status": "succeeded", "amount": 1500, "currency": "usd"}
    content |= {"payment_intent": charge.processor_charge_id, "balance_transaction": moved}
    assert deliver_event(stripe_events.event("refund.created", content)) == "received"
    FundingObligation.objects.update(capture_due_at=clock.now())
    FundingCharge.objects.update(next_attempt_at=clock.now())
    assert charges.charge(charge_id=charge.pk) == "succeeded"

    dispatch.sweep(now=clock.now() + dt.timedelta(hours=2))

    assert sum(FundingRefund.objects.values_list("amount_minor", flat=True)) == booked
    assert ledger_check.check() == []


def test_dispute_and_warning_of_a_charge_not_heard_of_yet_find_it(sandbox: RunningSandbox) -> None:
    charge, intent = unheard(sandbox)
    call_sandbox(sandbox, f"/v1/test_helpers/payment_intents/{intent}/warn_of_fraud")
    charge.processor_charge_id = intent
    open_dispute(sandbox, charge)
    told = ("radar.early_fraud_warning.created", "charge.dispute.created", "charge.dispute.funds_withdrawn")

    assert {deliver_event(event) for event in sandbox_events(sandbox, *told)} == {"received"}
    catch_up(charge)

    found = FundingDispute.objects.get()
    assert (found.charge_id, found.withdrawn_minor) == (charge.pk, 4500)
    assert open_cases() == ["charge_disputed", "charge_warning"]
    assert ledger_check.check() == []


def test_a_strangers_event_does_not_wait_when_all_charges_are_known(sandbox: RunningSandbox) -> None:
    paid_charge()
    content = {"id": "re_x", "object": "refund", "status": "succeeded", "payment_intent": "pi_other", "amount": 5}
    event = stripe_events.event("refund.created", content | {"currency": "usd"})
    stripe_events.post(event)

    assert dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk) == "kept"


def test_a_strangers_event_of_two_days_ago_is_kept_and_not_waited_for(sandbox: RunningSandbox) -> None:
    unheard(sandbox)
    content = {"id": "re_x", "object": "refund", "status": "succeeded", "payment_intent": "pi_other", "amount": 5}
    content["currency"] = "usd"
    assert deliver_event(stripe_events.event("refund.created", content)) == "received"

    old = int((clock.now() - dt.timedelta(days=2)).timestamp())
    assert deliver_event(stripe_events.event("refund.created", content, created=old)) == "kept"


@pytest.mark.parametrize("kind", ["dispute", "refund"])
def test_an_event_that_names_only_an_expanded_charge_is_ours(sandbox: RunningSandbox, kind: str) -> None:
    charge = paid_charge()
    if kind == "dispute":
        open_dispute(sandbox, charge)
        (event,) = sandbox_events(sandbox, "charge.dispute.created")
    else:
        call_sandbox(sandbox, "/v1/refunds", payment_intent=charge.processor_charge_id, amount=1500)
        (event,) = sandbox_events(sandbox, "refund.created")
    content = event["data"]["object"]
    content |= {"charge": {"id": "ch_1", "payment_intent": charge.processor_charge_id}, "payment_intent": None}

    assert deliver_event(event) == "handled"


def another_payment(charge: FundingCharge, status: str) -> dict[str, Any]:
    """A payment of our processor that carries our id, and is none that we know."""
    content = {"id": "pi_second", "object": "payment_intent", "status": status}
    return content | {"metadata": {"funding_charge": str(charge.public_id)}, "amount": 4500, "currency": "usd"}


@pytest.mark.parametrize("status", ["succeeded", "requires_capture"])
def test_second_payment_under_the_id_of_a_paid_charge_opens_a_case(sandbox: RunningSandbox, status: str) -> None:
    charge = paid_charge()

    for _ in range(2):
        assert (
            deliver_event(stripe_events.event("payment_intent.succeeded", another_payment(charge, status))) == "handled"
        )

    case = Case.objects.get()
    assert (case.kind, "pi_second" in case.summary) == ("two_charges", True)
    before = charge.processor_charge_id
    charge.refresh_from_db()
    assert (charge.status, charge.processor_charge_id) == ("succeeded", before)


@pytest.mark.parametrize("status", ["canceled", "requires_action", "processing"])
def test_end_of_another_payment_does_not_end_our_hold(sandbox: RunningSandbox, status: str) -> None:
    charge = intended_charge(policy="hold_then_capture")
    assert charges.charge(charge_id=charge.pk) == "held"

    deliver_event(stripe_events.event("payment_intent.canceled", another_payment(charge, status)))

    charge.refresh_from_db()
    assert (charge.status, open_cases()) == ("held", [])


def test_payment_by_another_id_counts_for_a_declined_charge(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path="/v1/payment_intents", do="decline", times=None)
    assert charges.charge(charge_id=charge.pk) == "declined"

    deliver_event(stripe_events.event("payment_intent.succeeded", another_payment(charge, "succeeded")))

    charge.refresh_from_db()
    assert (charge.status, charge.processor_charge_id) == ("succeeded", "pi_second")
