"""Our account is refused, or our request is wrong: no card is blamed, and what is due stays due (decision 0029)."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from onecard.kit import clock
from onecard.outbox.models import Message
from tests.back_office import superuser
from tests.sandbox.running import RunningSandbox
from tests.sandboxes import given_back, intended_charge, intents, let_probe, processor_sandbox
from tests.wallet.charges.cascades import PAYMENT_METHODS, a_wallet, owe, run_out
from wallet.casework import actions as case_actions
from wallet.charges import cancel
from wallet.charges import charge as charges
from wallet.methods import nightly_check
from wallet.models import Case, FundingCharge, FundingMethod, FundingRefund, ProcessorPause
from wallet.obligations import lifecycle as obligations
from wallet.processors import account_refusals, blame
from wallet.processors.base import Outcome, RefundOutcome
from wallet.processors.blame import Blame
from wallet.refunds import records as refunds
from wallet.refunds import send as refund_sending

pytestmark = pytest.mark.django_db
INTENTS, REFUNDS = "/v1/payment_intents", "/v1/refunds"
LIVE = "This account cannot currently make live charges."
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
# What is wrong with one amount, or with one person's record: a case for it, and no other card is asked.
CHARGES_OWN_TROUBLE: list[dict[str, Any]] = [
    {"error_code": "amount_too_large", "error_param": "amount", "error_message": "At most."},
    {"error_code": "resource_missing", "error_param": "customer", "error_message": "No such customer: 'cus_1'"},
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


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


def refuse(
    sandbox: RunningSandbox, path: str = INTENTS, method: str = "POST", times: int | None = 1, **what: Any
) -> None:
    sandbox.order(method=method, path=path, do="refuse", times=times, **what)


def sandbox_calls(sandbox: RunningSandbox) -> int:
    """How often the processor was asked to charge."""
    found: list[object] = sandbox.sandbox.requests.to_json(method="POST", path=INTENTS)
    return len(found)


def make_due(charge: FundingCharge) -> None:
    """As if the time until the next probe had passed."""
    let_probe()
    FundingCharge.objects.filter(pk=charge.pk).update(next_attempt_at=clock.now())


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


@pytest.mark.parametrize("trouble", CHARGES_OWN_TROUBLE)
def test_refused_amount_or_person_has_a_case_and_blames_no_card(
    sandbox: RunningSandbox, trouble: dict[str, Any]
) -> None:
    first, second = a_wallet(cards=2)
    obligation = owe(first)
    refuse(sandbox, times=None, **trouble)

    assert run_out(obligation, [first, second]) == "failed"

    assert [case.kind for case in Case.objects.all()] == ["funding_refused"]
    assert obligation.charges.get().method == first
    assert not FundingMethod.objects.exclude(status="active", cooling_until=None).exists()
    assert not ProcessorPause.objects.exists()
    assert not Message.objects.filter(topic="cardholder.notify").exists()


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


@pytest.mark.parametrize(
    "trouble",
    [
        {"error_type": "card_error", "error_message": "Your card was declined."},
        {"error_type": "card_error", "error_code": "card_declined", "error_message": "Your card was declined."},
        {"error_type": "card_error", "error_code": "a_new_word", "error_message": "The bank said no."},
    ],
)
def test_402_of_a_card_is_the_cards_even_without_a_code(sandbox: RunningSandbox, trouble: dict[str, Any]) -> None:
    first, second = a_wallet(cards=2)
    obligation = owe(first)
    refuse(sandbox, error_status=402, **trouble)

    assert run_out(obligation, [first, second]) == "funded"

    first.refresh_from_db()
    assert first.cooling_until is not None
    assert not Case.objects.exists()


def test_missing_payment_method_is_this_cards_and_the_next_one_pays(sandbox: RunningSandbox) -> None:
    first, second = a_wallet(cards=2)
    obligation = owe(first)
    refuse(sandbox, error_code="resource_missing", error_param="payment_method", error_message="No such PaymentMethod")

    assert run_out(obligation, [first, second]) == "funded"

    first.refresh_from_db()
    assert first.cooling_until is not None
    assert not Case.objects.exists()


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


def test_call_off_does_not_give_up_while_our_account_is_refused(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path=INTENTS, do="requires_action")
    assert charges.charge(charge_id=charge.pk) == "requires_action"
    FundingCharge.objects.update(updated_at=clock.now() - dt.timedelta(hours=2))
    refuse(sandbox, path=f"{INTENTS}/*", error_status=401, error_message="Expired.")

    cancel.call_off_waiting(obligation_id=charge.obligation_id, actor="system:test")

    assert not Case.objects.exists()


def test_every_code_has_one_blame() -> None:
    counted = [code for codes in blame.CODES.values() for code in codes]
    assert len(counted) == len(set(counted)) == len(blame.BLAME)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome("declined", failure_code="insufficient_funds"), Blame.CARD),
        (Outcome("declined", failure_code="a_new_word"), Blame.CARD),
        (Outcome("declined", failure_code="invalid_amount"), Blame.AMOUNT),
        (Outcome("declined", failure_code="duplicate_transaction"), Blame.AMOUNT),
        (Outcome("refused", failure_code="a_new_word"), Blame.UNKNOWN),
        (Outcome("refused", failure_code="never_arrived"), Blame.AMOUNT),
        (Outcome("canceled", failure_code="released"), Blame.UNKNOWN),
        (Outcome("requires_action", failure_code="authentication_required"), Blame.CARD),
        (Outcome("refused", failure_code="resource_missing", blames=Blame.PERSON), Blame.PERSON),
    ],
)
def test_blame_of_an_outcome(outcome: Outcome, expected: Blame) -> None:
    assert outcome.blame == expected


def test_pause_is_one_row_for_refusals_at_once() -> None:
    from wallet.processors.base import AccountRefusedError

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
