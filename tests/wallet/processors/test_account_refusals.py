"""Our account or our request is refused: no card is blamed, and what is due stays due (docs/decisions/0029)."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from onecard.kit import clock
from onecard.outbox.models import Message
from tests.sandbox.running import RunningSandbox
from tests.support.back_office import superuser
from tests.support.sandboxes import intended_charge, intents, let_probe, processor_sandbox
from tests.wallet.charges.cascades import PAYMENT_METHODS, a_wallet, owe, run_out
from tests.wallet.processors.refusals import INTENTS, LIVE, make_due, refuse, sandbox_calls
from wallet.casework import actions as case_actions
from wallet.charges import charge as charges
from wallet.models import Case, FundingCharge, FundingMethod, ProcessorPause
from wallet.obligations import lifecycle as obligations
from wallet.processors import account_refusals
from wallet.processors.base import AccountRefusedError

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


# What Stripe says to an account in trouble: with a code, without one, and by the status alone.
ACCOUNT_TROUBLE: list[dict[str, Any]] = [
    {"error_message": LIVE},
    {"error_message": "Your account cannot currently make live charges. If you are a customer, tell the shop."},
    {"error_code": "account_invalid", "error_message": "The account ID provided is invalid.", "error_param": "account"},
    {"error_code": "account_closed", "error_message": "Closed."},
    {"error_code": "country_unsupported", "error_message": "Not in your country."},
    {"error_code": "testmode_charges_only", "error_message": "Activate your account."},
    {"error_code": "platform_api_key_expired", "error_message": "Expired."},
    {"error_code": "account_restricted", "error_message": "Restricted."},
    {"error_code": "platform_account_required", "error_message": "Only for platforms."},
    {"error_code": "charges_not_enabled", "error_message": "No charges."},
    {"error_message": "This merchant is unable to accept payments."},
    {"error_message": "Your Stripe account can only receive payouts."},
    {"error_message": "Card payments have not been activated for live mode."},
    {"error_message": "The account lacks a capability: card_payments."},
    {"error_status": 402, "error_message": LIVE},
    {"error_status": 402, "error_type": "card_error", "error_message": LIVE},
    {"error_status": 402, "error_type": "card_error", "error_code": "testmode_charges_only", "error_message": "Test."},
    {"error_status": 404, "error_code": "account_invalid", "error_message": "No such account."},
    {"error_code": "secret_key_required", "error_message": "Use the secret key."},
    {"error_status": 401, "error_code": "api_key_expired", "error_message": "Expired API Key provided."},
    {"error_status": 401, "error_message": "Invalid API Key provided."},
    {"error_status": 403, "error_message": "The provided key does not have the required permissions."},
    {
        "error_code": "resource_missing",
        "error_param": "customer",
        "error_message": "No such customer: 'cus_1'; it exists in test mode, but a live mode key was used.",
    },
]


# What is wrong with our requests, or new to us: one case for all of them, and the charges stay due.
REQUEST_TROUBLE: list[dict[str, Any]] = [
    {"error_code": "parameter_unknown", "error_param": "confirmm", "error_message": "Received unknown parameter."},
    {"error_code": "parameter_missing", "error_param": "currency", "error_message": "Missing required param."},
    {"error_code": "parameter_invalid_integer", "error_param": "amount", "error_message": "Invalid integer: 45.1"},
    {"error_code": "parameter_invalid_empty", "error_param": "description", "error_message": "Empty."},
    {"error_code": "invalid_currency", "error_param": "currency", "error_message": "Invalid currency: xyz."},
    {"error_param": "amount", "error_message": "The amount must be evenly divisible by 10 in this currency."},
    {"error_param": "payment_intent_data", "error_message": "Unknown."},
    {"error_code": "a_word_of_next_year", "error_message": "Something new."},
    {"error_message": "Something new, without a code."},
    {"error_status": 402, "error_type": "api_error", "error_message": "Something new, as a 402."},
]


@pytest.mark.some_in_suite(6)
@pytest.mark.parametrize("trouble", ACCOUNT_TROUBLE)
def test_refused_account_is_one_case_and_blames_no_card(sandbox: RunningSandbox, trouble: dict[str, Any]) -> None:
    first, second = a_wallet(cards=2)
    others = a_wallet(cards=2, ids=("pm_a1", "pm_a2"))
    owed, also_owed = owe(first), owe(others[0])
    refuse(sandbox, times=None, **trouble)

    assert run_out(owed, [first, second]) == "open"
    assert run_out(also_owed, others) == "open"

    assert [charge.status for charge in FundingCharge.objects.order_by("pk")] == ["intended", "intended"]
    assert not FundingMethod.objects.exclude(status="active", cooling_until=None).exists()
    case = Case.objects.get()
    assert (case.kind, case.reference, case.status) == ("account_refused", "processor:stripe", "open")
    assert trouble["error_message"] in case.summary
    assert not Message.objects.filter(topic__in=("cardholder.notify", "funding.failed")).exists()
    # The second charge waited for the probe and asked nobody.
    assert sandbox_calls(sandbox) == 1


def test_charges_go_on_by_themselves_when_a_probe_succeeds(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    refuse(sandbox)
    assert charges.charge(charge_id=charge.pk) == "intended"
    assert charges.charge(charge_id=charge.pk) == "intended", "not before the probe's time"

    make_due(charge)
    assert charges.charge(charge_id=charge.pk) == "succeeded"

    assert Case.objects.get().status == "resolved"
    assert not ProcessorPause.objects.exists()
    assert len(intents(sandbox)) == 1


def test_one_probe_at_a_time_and_longer_waits(sandbox: RunningSandbox) -> None:
    charge, other = intended_charge(), owe(a_wallet(cards=1)[0]).charges.get()
    refuse(sandbox, times=None)
    waits = []
    for _ in range(3):
        charges.charge(charge_id=charge.pk)
        pause = ProcessorPause.objects.get()
        waits.append(round((pause.probe_at - clock.now()).total_seconds()))
        charges.charge(charge_id=other.pk)
        make_due(charge)

    assert waits == [30, 60, 120]
    other.refresh_from_db()
    assert (other.attempts, Case.objects.filter(status="open").count()) == (0, 1)


@pytest.mark.parametrize("trouble", REQUEST_TROUBLE)
def test_refused_requests_are_one_case_and_stay_due(sandbox: RunningSandbox, trouble: dict[str, Any]) -> None:
    first, second = a_wallet(cards=2)
    others = a_wallet(cards=2, ids=PAYMENT_METHODS[2:])
    owed, also_owed = owe(first), owe(others[0])
    refuse(sandbox, times=None, **trouble)

    assert run_out(owed, [first, second]) == "open"
    assert run_out(also_owed, others) == "open"

    assert [case.kind for case in Case.objects.all()] == ["account_refused"]
    assert trouble["error_message"] in Case.objects.get().summary
    assert not FundingMethod.objects.exclude(status="active", cooling_until=None).exists()
    assert not ProcessorPause.objects.exists()
    assert not Message.objects.filter(topic__in=("cardholder.notify", "funding.failed")).exists()
    sandbox.sandbox.scenarios.clear()
    for obligation in (owed, also_owed):
        make_due(obligation.charges.get())
        assert charges.charge(charge_id=obligation.charges.get().pk) == "succeeded"
        assert Case.objects.get().status == ("open" if obligation == owed else "resolved")


def test_charge_whose_request_alone_is_refused_has_its_own_case(sandbox: RunningSandbox) -> None:
    first, second = a_wallet(cards=2)
    poisoned, good = owe(first), owe(second)
    refuse(sandbox, times=None, payment_method=first.processor_method_id, **REQUEST_TROUBLE[2])
    charge = poisoned.charges.get()
    for _ in range(2):
        make_due(charge)
        assert charges.charge(charge_id=charge.pk) == "intended"
    assert charges.charge(charge_id=good.charges.get().pk) == "succeeded", "others go on meanwhile"

    make_due(charge)
    assert charges.charge(charge_id=charge.pk) == "refused"

    cases = {case.kind: case.status for case in Case.objects.all()}
    assert cases == {"account_refused": "resolved", "funding_refused": "open"}
    assert not FundingMethod.objects.exclude(status="active", cooling_until=None).exists()


def test_a_lost_answer_before_the_refusal_is_not_charged_twice(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path=INTENTS, do="drop_answer")
    assert charges.charge(charge_id=charge.pk) == "unknown"
    make_due(charge)
    sandbox.order(method="POST", path=INTENTS, do="unauthorized")

    assert charges.charge(charge_id=charge.pk) == "succeeded"
    assert len(intents(sandbox)) == 1


def test_stored_refusal_of_a_lost_request_does_not_pause_charging_again(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path=INTENTS, do="drop_request")
    assert charges.charge(charge_id=charge.pk) == "unknown"
    refuse(sandbox)
    make_due(charge)
    assert charges.charge(charge_id=charge.pk) == "unknown"
    assert ProcessorPause.objects.exists()
    with transaction.atomic():
        ProcessorPause.objects.all().delete()

    make_due(charge)
    assert charges.charge(charge_id=charge.pk) == "unknown", "its key repeats the old refusal"
    assert not ProcessorPause.objects.exists()
    make_due(charge)
    FundingCharge.objects.update(first_sent_at=clock.now() - dt.timedelta(minutes=6))
    charges.charge(charge_id=charge.pk)
    make_due(charge)
    assert charges.charge(charge_id=charge.pk) == "succeeded"
    assert len(intents(sandbox)) == 1


def test_charge_refused_while_others_go_through_is_its_own_trouble(sandbox: RunningSandbox) -> None:
    poisoned, (method,) = intended_charge(), a_wallet(cards=1)
    pm = poisoned.method.processor_method_id
    refuse(sandbox, times=None, payment_method=pm, error_message="This business may not charge in this currency.")
    for _ in range(2):
        make_due(poisoned)
        assert charges.charge(charge_id=poisoned.pk) == "intended"
    ProcessorPause.objects.all().delete()
    other = owe(method).charges.get()
    FundingMethod.objects.filter(pk=method.pk).update(processor_method_id="pm_1SG9gRQLFtcEJSwHXKtuCu0T")
    assert charges.charge(charge_id=other.pk) == "succeeded"

    make_due(poisoned)
    assert charges.charge(charge_id=poisoned.pk) == "refused"
    assert not ProcessorPause.objects.exists()
    assert Case.objects.filter(kind="funding_refused").count() == 1
    poisoned.method.refresh_from_db()
    assert (poisoned.method.status, poisoned.method.cooling_until) == ("active", None)


def test_staff_close_the_case_and_the_next_call_is_made_at_once(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    refuse(sandbox)
    charges.charge(charge_id=charge.pk)
    case_actions.resolve(case=Case.objects.get(), user=superuser(), reason="The account is activated.")
    FundingCharge.objects.update(next_attempt_at=clock.now())

    assert charges.charge(charge_id=charge.pk) == "succeeded"


def test_pause_is_one_row_for_refusals_at_once() -> None:
    started_at = clock.now()
    for _ in range(5):
        account_refusals.refused("charges", AccountRefusedError(LIVE), started_at=started_at)

    pause = ProcessorPause.objects.get()
    assert (pause.refusals, Case.objects.count()) == (1, 1)


def test_a_pause_that_nothing_waits_for_any_more_ends_with_its_case(sandbox: RunningSandbox) -> None:
    charge = FundingCharge.objects.get(obligation=owe(a_wallet(cards=1)[0]))
    refuse(sandbox, times=None, error_message=LIVE)
    charges.charge(charge_id=charge.pk)
    let_probe()
    charges.sweep()
    assert ProcessorPause.objects.exists(), "a charge waits, and is the probe"

    with transaction.atomic():
        obligations.release(obligation_id=charge.obligation_id, actor="test")
    charges.sweep()

    assert not ProcessorPause.objects.exists()
    assert not Case.objects.filter(kind="account_refused", status="open").exists()
    assert sandbox_calls(sandbox) == 1, "nobody was asked for it"


@pytest.mark.parametrize(
    ("status", "due_in_s", "ends"),
    [
        ("processing", 0, True),
        ("held", 86_400, True),
        ("held", 60, False),
        ("capturing", 0, False),
        ("unknown", 0, False),
    ],
)
def test_a_pause_waits_only_for_calls_that_ask_for_money(
    sandbox: RunningSandbox, status: str, due_in_s: int, ends: bool
) -> None:
    """A charge that is only looked up would keep the pause, and its case, for as long as the processor works on it."""
    charge = intended_charge()
    due_at = clock.now() + dt.timedelta(seconds=due_in_s)
    waits = {"status": status, "processor_charge_id": "pi_1", "next_attempt_at": due_at + account_refusals.PROBE_TAKES}
    FundingCharge.objects.filter(pk=charge.pk).update(**waits)
    account_refusals.refused("charges", AccountRefusedError(LIVE), started_at=clock.now())
    let_probe()

    charges.sweep(now=clock.now() - dt.timedelta(hours=1))

    assert ProcessorPause.objects.exists() is not ends
    assert Case.objects.filter(kind="account_refused", status="open").exists() is not ends
