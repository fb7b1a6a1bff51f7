"""Charging a funding method through the sandbox, over real HTTP (money-safety I9, F5, F6, F8)."""

import datetime as dt
from collections.abc import Iterator

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction

from audit.models import Entry
from onecard.kit import clock
from onecard.kit.attempts import ATTEMPTS_BEFORE_CASE
from onecard.kit.transactions import TransactionError
from onecard.outbox.models import Message
from tests.sandbox.running import RunningSandbox
from tests.support.sandboxes import intended_charge, intents, let_probe, processor_sandbox
from tests.support.threads import at_once
from wallet import cases, states
from wallet.charges import charge as charges
from wallet.charges import outcomes
from wallet.models import Case, FundingCharge, FundingMethod
from wallet.obligations import lifecycle as obligations
from wallet.processors.base import Outcome

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


def make_due(charge: FundingCharge) -> None:
    """As if the time until the next try had passed."""
    past = clock.now() - dt.timedelta(hours=2)
    FundingCharge.objects.filter(pk=charge.pk).update(next_attempt_at=past)
    FundingCharge.objects.filter(pk=charge.pk, claimed_until__isnull=False).update(claimed_until=past)


def test_an_intended_charge_is_sent_once_and_funds_its_obligation(sandbox: RunningSandbox) -> None:
    charge = intended_charge()

    assert [charges.charge(charge_id=charge.pk) for _ in range(3)] == ["succeeded"] * 3

    charge.refresh_from_db()
    (intent,) = intents(sandbox)
    assert (intent["id"], intent["status"], intent["amount"]) == (charge.processor_charge_id, "succeeded", 4500)
    assert intent["metadata"] == {"funding_charge": str(charge.public_id)}
    assert charge.obligation.status == "funded"
    assert charge.attempts == 1
    assert list(Entry.objects.values_list("action", flat=True)) == ["funding.funded", "charge.succeeded"]
    assert not Case.objects.exists()


def test_a_charge_inside_a_transaction_is_refused(sandbox: RunningSandbox) -> None:
    charge = intended_charge()

    with pytest.raises(TransactionError), transaction.atomic():
        charges.charge(charge_id=charge.pk)

    assert intents(sandbox) == []


@pytest.mark.parametrize(
    ("code", "status", "disabled"),
    [
        ("insufficient_funds", "declined", False),
        ("generic_decline", "declined", False),
        ("stolen_card", "declined", True),
        ("authentication_required", "requires_action", False),
    ],
)
def test_a_decline_is_final_and_takes_the_card_out_of_routing(
    sandbox: RunningSandbox, code: str, status: str, disabled: bool
) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path="/v1/payment_intents", do="decline", decline_code=code)

    assert charges.charge(charge_id=charge.pk) == status
    assert charges.charge(charge_id=charge.pk) == status

    charge.refresh_from_db()
    assert (charge.failure_code, charge.attempts) == (code, 1)
    assert Message.objects.get(topic="funding.failed").payload == {"obligation_id": charge.obligation_id}
    assert not Case.objects.exists(), "nobody is needed while another card may pay"
    assert charge.obligation.status == ("open" if status == "requires_action" else "failed")
    method = FundingMethod.objects.get()
    assert (method.status == "disabled") is disabled
    assert (method.cooling_until is not None) is not disabled


@pytest.mark.parametrize("do", ["html_error", "malformed_json", "drop_answer", "drop_request"])
def test_a_lost_answer_is_unknown_until_the_same_key_finds_it(sandbox: RunningSandbox, do: str) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path="/v1/payment_intents", do=do)

    assert charges.charge(charge_id=charge.pk) == "unknown"
    assert charges.charge(charge_id=charge.pk) == "unknown", "not due yet"
    make_due(charge)
    assert charges.charge(charge_id=charge.pk) == "succeeded"

    charge.refresh_from_db()
    assert (charge.attempts, charge.obligation.status) == (2, "funded")
    assert [intent["status"] for intent in intents(sandbox)] == ["succeeded"]


def test_a_stored_error_is_looked_up_and_ends_with_a_case(
    sandbox: RunningSandbox,
) -> None:
    """Stripe gives a stored 500 back for every repeat of its key, so repeating alone would never end."""
    charge = intended_charge()
    sandbox.order(method="POST", path="/v1/payment_intents", do="error_500")
    for _ in range(3):
        assert charges.charge(charge_id=charge.pk) == "unknown"
        make_due(charge)
    FundingCharge.objects.update(first_sent_at=clock.now() - dt.timedelta(hours=24))

    assert charges.charge(charge_id=charge.pk) == "refused"

    assert intents(sandbox) == []
    assert Case.objects.get().kind == "funding_refused"


def test_a_rate_limit_is_waited_out_as_long_as_it_asks(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path="/v1/payment_intents", do="rate_limit", retry_after_s=30)

    assert charges.charge(charge_id=charge.pk) == "intended"

    charge.refresh_from_db()
    assert charge.next_attempt_at is not None
    assert 25 < (charge.next_attempt_at - clock.now()).total_seconds() <= 30
    make_due(charge)
    assert charges.charge(charge_id=charge.pk) == "succeeded"


def test_a_wrong_key_is_not_a_failure_of_the_charge(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path="/v1/payment_intents", do="unauthorized")

    assert charges.charge(charge_id=charge.pk) == "intended"
    make_due(charge)
    assert charges.charge(charge_id=charge.pk) == "intended", "all charges wait for the probe's time"
    let_probe()
    make_due(charge)
    assert charges.charge(charge_id=charge.pk) == "succeeded"


def test_an_invalid_request_is_refused_for_good_with_a_case(sandbox: RunningSandbox) -> None:
    charge = intended_charge(amount_minor=100_000_000)

    assert charges.charge(charge_id=charge.pk) == "refused"

    charge.refresh_from_db()
    assert (charge.failure_code, charge.obligation.status) == ("amount_too_large", "failed")
    assert Case.objects.get().kind == "funding_refused"
    assert intents(sandbox) == []


def test_past_its_keys_life_a_charge_is_looked_up_and_never_sent_again(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path="/v1/payment_intents", do="drop_answer")
    assert charges.charge(charge_id=charge.pk) == "unknown"
    FundingCharge.objects.update(first_sent_at=clock.now() - dt.timedelta(hours=24))
    make_due(charge)

    assert charges.charge(charge_id=charge.pk) == "succeeded"

    (intent,) = intents(sandbox)
    charge.refresh_from_db()
    assert charge.processor_charge_id == intent["id"]


def test_a_charge_that_never_arrived_is_not_sent_after_its_keys_life(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path="/v1/payment_intents", do="drop_request")
    assert charges.charge(charge_id=charge.pk) == "unknown"
    FundingCharge.objects.update(first_sent_at=clock.now() - dt.timedelta(hours=24))
    make_due(charge)

    assert charges.charge(charge_id=charge.pk) == "refused"

    assert intents(sandbox) == []
    assert Case.objects.get().kind == "funding_refused"


def test_a_stored_error_leads_to_a_new_key_when_no_charge_can_exist(
    sandbox: RunningSandbox,
) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path="/v1/payment_intents", do="error_500")
    keys = []
    for minutes in (0, 1, 6, 7):
        FundingCharge.objects.exclude(first_sent_at=None).update(
            first_sent_at=clock.now() - dt.timedelta(minutes=minutes)
        )
        make_due(charge)
        status = charges.charge(charge_id=charge.pk)
        charge.refresh_from_db()
        keys.append(charge.idempotency_key)

    assert status == "succeeded"
    assert keys[0] == keys[1] != keys[2] == keys[3]
    assert len(intents(sandbox)) == 1
    assert Entry.objects.filter(action="charge.rekeyed").count() == 1
    assert not Case.objects.exists()


def test_an_answer_that_is_merely_lost_never_leads_to_another_key(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path="/v1/payment_intents", do="drop_request", times=3)
    for minutes in (0, 6, 600):
        FundingCharge.objects.exclude(first_sent_at=None).update(
            first_sent_at=clock.now() - dt.timedelta(minutes=minutes)
        )
        make_due(charge)
        assert charges.charge(charge_id=charge.pk) == "unknown"

    was = charge.idempotency_key
    charge.refresh_from_db()
    assert charge.idempotency_key == was


def test_after_many_tries_a_person_is_told_and_trying_goes_on(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path="/v1/payment_intents", do="drop_request", times=ATTEMPTS_BEFORE_CASE)
    for _ in range(ATTEMPTS_BEFORE_CASE):
        assert charges.charge(charge_id=charge.pk) == "unknown"
        make_due(charge)
    assert Case.objects.get().kind == "funding_unknown"

    assert charges.charge(charge_id=charge.pk) == "succeeded"

    assert Case.objects.get().status == "resolved"


def test_a_processing_charge_waits_for_an_event_or_is_looked_up(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path="/v1/payment_intents", do="processing")

    assert charges.charge(charge_id=charge.pk) == "processing"
    assert charges.charge(charge_id=charge.pk) == "processing"
    charge.refresh_from_db()
    assert outcomes.apply_update(Outcome("succeeded", processor_charge_id=charge.processor_charge_id or ""))

    charge.refresh_from_db()
    assert (charge.status, charge.obligation.status, len(intents(sandbox))) == ("succeeded", "funded", 1)


def test_the_sweeper_does_what_a_lost_message_should_have_done(sandbox: RunningSandbox) -> None:
    charge = intended_charge()

    assert charges.sweep() == 0, "the ordinary way has a head start"
    assert charges.sweep(now=clock.now() + dt.timedelta(seconds=10)) == 1

    charge.refresh_from_db()
    assert charge.status == "succeeded"
    assert charges.sweep(now=clock.now() + dt.timedelta(days=2)) == 0


@pytest.mark.django_db(transaction=True)
def test_the_same_charge_from_sixteen_workers_at_once_is_one_payment(sandbox: RunningSandbox) -> None:
    charge = intended_charge()

    at_once([lambda: charges.charge(charge_id=charge.pk)] * 16)

    charge.refresh_from_db()
    assert (charge.status, charge.attempts, len(intents(sandbox))) == ("succeeded", 1, 1)


def test_one_open_case_of_a_kind_is_enough() -> None:
    charge = intended_charge()
    with transaction.atomic():
        for _ in range(2):
            cases.open_obligation_case(kind="funding_declined", obligation=charge.obligation, summary="Declined")

    assert Case.objects.count() == 1


def test_other_parameters_under_the_same_key_are_looked_up(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path="/v1/payment_intents", do="drop_answer")
    assert charges.charge(charge_id=charge.pk) == "unknown"
    type(charge.obligation).objects.update(description="the words of a newer release")
    make_due(charge)

    assert charges.charge(charge_id=charge.pk) == "succeeded"
    assert len(intents(sandbox)) == 1


def test_a_method_that_the_processor_does_not_know_leaves_routing(sandbox: RunningSandbox) -> None:
    charge = intended_charge(method_id="pm_gone")

    assert charges.charge(charge_id=charge.pk) == "refused"
    assert FundingMethod.objects.get().cooling_until is not None


def test_a_charge_too_large_says_nothing_about_the_card(sandbox: RunningSandbox) -> None:
    charge = intended_charge(amount_minor=100_000_000)

    assert charges.charge(charge_id=charge.pk) == "refused"
    assert FundingMethod.objects.get().cooling_until is None


def test_a_longer_pause_is_never_cut_short() -> None:
    charge = intended_charge()
    until = clock.now() + dt.timedelta(hours=20)
    FundingMethod.objects.update(cooling_until=until)
    FundingCharge.objects.update(status=states.Charge.SENDING)

    outcomes.record(charge_id=charge.pk, outcome=Outcome("declined", "pi_1", "processing_error"), actor="system:test")

    assert FundingMethod.objects.get().cooling_until == until


def test_processing_for_long_is_asked_about_at_its_own_pace_and_told(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path="/v1/payment_intents", do="processing", delay_s=3600)
    assert charges.charge(charge_id=charge.pk) == "processing"
    for _ in range(ATTEMPTS_BEFORE_CASE):
        make_due(charge)
        assert charges.charge(charge_id=charge.pk) == "processing"

    charge.refresh_from_db()
    assert charge.next_attempt_at is not None
    assert charge.next_attempt_at - clock.now() > dt.timedelta(minutes=9)
    assert Case.objects.get().kind == "funding_unknown"


def test_a_task_whose_time_is_over_ends_its_sweep() -> None:
    for n in range(3):
        intended_charge(method_id=f"pm_{n}")

    class Slow:
        calls = 0

        def charge(self, order: object) -> Outcome:
            self.calls += 1
            raise SoftTimeLimitExceeded

        def find(self, order: object) -> None:
            raise AssertionError

    slow = Slow()
    with pytest.raises(SoftTimeLimitExceeded):
        charges.sweep(now=clock.now() + dt.timedelta(seconds=10), processor=slow)
    assert slow.calls == 1


def test_each_move_of_a_charge_has_its_entry(sandbox: RunningSandbox) -> None:
    lost, released = intended_charge(), intended_charge(method_id="pm_other")
    sandbox.order(method="POST", path="/v1/payment_intents", do="drop_request")
    charges.charge(charge_id=lost.pk)
    with transaction.atomic():
        obligations.release(obligation_id=released.obligation_id, actor="issuer:stripe")

    assert set(Entry.objects.values_list("action", flat=True)) == {
        "charge.unknown",
        "funding.released",
        "charge.canceled",
    }
