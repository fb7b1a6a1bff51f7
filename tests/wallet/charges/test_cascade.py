"""When a charge fails: next card, backup, receivable, retries; never two successes (money-safety I9, I11)."""

import datetime as dt
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings

from onecard.kit import clock
from onecard.outbox.models import Message
from tests.sandbox.running import RunningSandbox
from tests.support.sandboxes import intents
from tests.wallet.charges.cascades import (
    INTENTS,
    ME,
    a_wallet,
    decline,
    make_retry_due,
    owe,
    paid,
    receivable,
    run_out,
    sandbox,
    step,
    story,
)
from wallet import cases
from wallet import locking as wallet_locking
from wallet.charges import cancel, cascade
from wallet.charges import charge as charges
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation
from wallet.obligations import lifecycle as obligations
from wallet.processors.base import Outcome, OutcomeUnknownError
from wallet.refunds import records as refunds

__all__ = ["sandbox"]
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("code", ["insufficient_funds", "stolen_card", "do_not_honor", "a_new_word"])
def test_the_next_candidate_pays_whatever_the_decline(sandbox: RunningSandbox, code: str) -> None:
    first, second, third = a_wallet()
    obligation = owe(first)
    decline(sandbox, first, code)

    assert run_out(obligation, [first, third, second]) == "funded"

    assert story(obligation) == [(first.pk, "declined", code), (third.pk, "succeeded", "")]
    assert len(set(obligation.charges.values_list("idempotency_key", flat=True))) == 2
    assert paid(sandbox) == 1
    assert not Case.objects.exists()


def test_after_the_candidates_the_backup_card_is_asked_and_no_other(sandbox: RunningSandbox) -> None:
    first, backup, neither = a_wallet(backup=1)
    obligation = owe(first)
    decline(sandbox, first, "insufficient_funds")

    assert run_out(obligation, [first]) == "funded"

    assert [method for method, *_ in story(obligation)] == [first.pk, backup.pk]
    assert neither.charges.count() == 0


@pytest.mark.parametrize(
    "change",
    [
        {"status": "disabled"},
        {"status": "detached"},
        {"expiry_year": 2020},
        {"currencies": ["EUR"]},
        {"cooling_until": dt.datetime(2099, 1, 1, tzinfo=dt.UTC)},
    ],
)
def test_a_card_that_cannot_be_charged_now_is_passed_over(sandbox: RunningSandbox, change: dict[str, Any]) -> None:
    first, second, third = a_wallet()
    FundingMethod.objects.filter(pk=second.pk).update(**change)
    obligation = owe(first)
    decline(sandbox, first, "insufficient_funds")

    assert run_out(obligation, [first, second, third]) == "funded"

    assert [method for method, *_ in story(obligation)] == [first.pk, third.pk]


def test_somebody_elses_card_is_never_charged(sandbox: RunningSandbox) -> None:
    (mine,) = a_wallet(cards=1)
    (theirs,) = a_wallet(cards=1, ids=["pm_1SG9gRQLFtcEJSwHXKtuCu0T"])
    obligation = owe(mine)
    decline(sandbox, mine, "stolen_card")

    assert run_out(obligation, [mine, theirs]) == "failed"

    assert theirs.charges.count() == 0


def test_without_a_card_left_a_receivable_opens_and_nothing_is_retried(
    sandbox: RunningSandbox,
) -> None:
    first, second = a_wallet(cards=2)
    obligation = owe(first)
    decline(sandbox, first, "lost_card")
    decline(sandbox, second, "expired_card")

    assert run_out(obligation, [first, second]) == "failed"

    case = receivable()
    assert (case.money.minor, case.obligation) == (4500, obligation)
    assert Message.objects.get(topic="cardholder.notify").payload == {"case_id": case.pk}
    assert (obligation.charges.count(), Case.objects.count(), make_retry_due(obligation)) == (2, 1, False)


@override_settings(CASCADE_RETRIES_H=(1, 6, 24, 72))
def test_soft_declines_are_retried_on_the_schedule_and_then_no_more(sandbox: RunningSandbox) -> None:
    first, second = a_wallet(cards=2)
    obligation = owe(first)
    decline(sandbox, first, "insufficient_funds", times=None)
    decline(sandbox, second, "stolen_card")
    run_out(obligation, [first, second])
    opened_at = receivable().opened_at

    hours = []
    for _ in range(10):
        waiting = obligation.charges.filter(status="intended").first()
        if waiting is None:
            break
        assert waiting.next_attempt_at is not None
        hours.append((waiting.next_attempt_at - opened_at).total_seconds() / 3600)
        assert charges.charge(charge_id=waiting.pk) == "intended", "not before its time"
        make_retry_due(obligation)
        run_out(obligation, [first, second])

    assert hours == [1, 6, 24, 72]
    assert [(method, status) for method, status, _ in story(obligation)] == [
        (first.pk, "declined"),
        (second.pk, "declined"),
        *[(first.pk, "declined")] * 4,
    ]
    obligation.refresh_from_db()
    assert obligation.status == "failed"
    assert Case.objects.get() == receivable()


def test_a_bank_that_gives_no_reason_is_asked_once_more(sandbox: RunningSandbox) -> None:
    (only,) = a_wallet(cards=1)
    obligation = owe(only)
    decline(sandbox, only, "do_not_honor", times=None)
    run_out(obligation, [only])

    assert make_retry_due(obligation)
    run_out(obligation, [only])

    assert (obligation.charges.count(), make_retry_due(obligation)) == (2, False)


def test_several_soft_cards_take_turns(sandbox: RunningSandbox) -> None:
    first, second = a_wallet(cards=2)
    obligation = owe(first)
    for method in (first, second):
        decline(sandbox, method, "insufficient_funds", times=None)
    run_out(obligation, [first, second])

    while make_retry_due(obligation):
        run_out(obligation, [first, second])

    assert [method for method, *_ in story(obligation)] == [first.pk, second.pk] * 3


def test_a_retry_that_pays_settles_the_case(sandbox: RunningSandbox) -> None:
    (only,) = a_wallet(cards=1)
    obligation = owe(only)
    decline(sandbox, only, "insufficient_funds")
    run_out(obligation, [only])
    make_retry_due(obligation)

    assert run_out(obligation, [only]) == "funded"

    assert (Case.objects.get().status, paid(sandbox)) == ("resolved", 1)


def test_a_retry_is_dropped_when_nothing_is_owed_any_more(sandbox: RunningSandbox) -> None:
    (only,) = a_wallet(cards=1)
    obligation = owe(only)
    decline(sandbox, only, "insufficient_funds")
    run_out(obligation, [only])

    with transaction.atomic():
        obligations.release(obligation_id=obligation.pk, actor="issuer:stripe")

    assert not make_retry_due(obligation)
    assert run_out(obligation, [only]) == "released"
    assert (Case.objects.get().status, paid(sandbox)) == ("resolved", 0)


def test_a_case_that_a_person_has_settled_is_not_opened_again(sandbox: RunningSandbox) -> None:
    (only,) = a_wallet(cards=1)
    obligation = owe(only)
    decline(sandbox, only, "stolen_card")
    run_out(obligation, [only])
    Case.objects.update(status="resolved", resolved_at=clock.now())

    assert cascade.sweep(now=clock.now() + dt.timedelta(days=1)) == 0
    assert run_out(obligation, [only]) == "failed"

    assert Case.objects.count() == 1


def test_the_receivable_is_what_is_left_after_a_part_was_given_back(sandbox: RunningSandbox) -> None:
    (only,) = a_wallet(cards=1)
    obligation = owe(only)
    with transaction.atomic():
        refunds.begin(obligation=wallet_locking.lock(obligation.pk), amount_minor=1500, reason="Less.", actor=ME)
    decline(sandbox, only, "stolen_card")

    run_out(obligation, [only])

    assert receivable().amount_minor == 3000


def test_a_top_up_stays_with_the_card_that_the_person_chose(sandbox: RunningSandbox) -> None:
    first, second = a_wallet(cards=2, backup=1)
    obligation = owe(first, purchase="card:1")
    decline(sandbox, first, "insufficient_funds")

    assert run_out(obligation, [first, second]) == "failed"

    assert second.charges.count() == 0
    assert not Message.objects.filter(topic="funding.failed").exists()
    assert cascade.sweep(now=clock.now() + dt.timedelta(hours=1)) == 0


@pytest.mark.parametrize("do", ["drop_answer", "drop_request", "html_error", "rate_limit", "processing"])
def test_what_is_not_known_to_have_failed_never_leads_to_another_card(sandbox: RunningSandbox, do: str) -> None:
    first, second = a_wallet(cards=2, backup=1)
    obligation = owe(first)
    sandbox.order(method="POST", path=INTENTS, do=do, delay_s=3600)

    step(obligation, [first, second])

    assert cascade.next_charge(obligation_id=obligation.pk, method_ids=[second.pk], actor=ME) == "nothing"
    assert cascade.sweep(now=clock.now() + dt.timedelta(hours=1)) == 0
    assert second.charges.count() == 0


@pytest.mark.parametrize("do", ["decline", "requires_action"])
def test_a_charge_waiting_for_its_holder_is_canceled_and_the_next_pays(sandbox: RunningSandbox, do: str) -> None:
    first, second = a_wallet(cards=2)
    obligation = owe(first)
    sandbox.order(method="POST", path=INTENTS, do=do, decline_code="authentication_required")

    assert run_out(obligation, [first, second]) == "funded"

    assert [(method, status) for method, status, _ in story(obligation)] == [
        (first.pk, "canceled"),
        (second.pk, "succeeded"),
    ]
    assert sorted(str(intent["status"]) for intent in intents(sandbox)) == ["canceled", "succeeded"]
    assert not Case.objects.exists()


def test_a_payment_confirmed_at_the_last_moment_counts(
    sandbox: RunningSandbox,
) -> None:
    first, second = a_wallet(cards=2)
    obligation = owe(first)
    sandbox.order(method="POST", path=INTENTS, do="requires_action")
    charges.charge(charge_id=obligation.charges.get().pk)
    sandbox.state.objects["payment_intent"][str(obligation.charges.get().processor_charge_id)]["status"] = "succeeded"

    assert run_out(obligation, [first, second]) == "funded"

    assert [(method, status) for method, status, _ in story(obligation)] == [(first.pk, "succeeded")]


def test_a_charge_that_cannot_be_canceled_ends_with_a_case() -> None:
    first, second = a_wallet(cards=2)
    obligation = owe(first)
    FundingCharge.objects.update(status="requires_action", processor_charge_id="pi_1", updated_at=clock.now())

    def silent(_id: str) -> Outcome:
        raise OutcomeUnknownError("No answer.")

    for minutes, told in ((0, False), (90, True)):
        FundingCharge.objects.update(updated_at=clock.now() - dt.timedelta(minutes=minutes))
        cancel.cancel_waiting(obligation_id=obligation.pk, actor=ME, cancel=silent)
        cascade.next_charge(obligation_id=obligation.pk, method_ids=[second.pk], actor=ME)
        assert Case.objects.filter(kind="funding_needs_cardholder").exists() is told

    assert second.charges.count() == 0
    assert cascade.sweep(now=clock.now() + dt.timedelta(hours=1)) == 0, "a person has it"


def test_a_waiting_charge_of_a_released_obligation_is_canceled(
    sandbox: RunningSandbox,
) -> None:
    (first,) = a_wallet(cards=1)
    obligation = owe(first)
    sandbox.order(method="POST", path=INTENTS, do="requires_action")
    charge = obligation.charges.get()
    assert charges.charge(charge_id=charge.pk) == "requires_action"
    with transaction.atomic():
        obligations.release(obligation_id=obligation.pk, actor=ME)
    Message.objects.update(published_at=clock.now())

    assert cascade.sweep(now=clock.now() + dt.timedelta(minutes=5)) == 1
    cancel.cancel_waiting(obligation_id=obligation.pk, actor=ME)

    charge.refresh_from_db()
    assert charge.status == "canceled"
    assert cascade.sweep(now=clock.now() + dt.timedelta(minutes=5)) == 0


def test_a_failure_that_is_not_the_cards_opens_a_case(sandbox: RunningSandbox) -> None:
    first, second = a_wallet(cards=2)
    obligation = owe(first, amount_minor=100_000_000)

    assert run_out(obligation, [first, second]) == "failed"

    assert Case.objects.get().kind == "funding_refused"
    assert second.charges.count() == 0
    assert not Message.objects.filter(topic="cardholder.notify").exists()
    assert cascade.sweep(now=clock.now() + dt.timedelta(hours=1)) == 0


def test_obligations_with_an_old_failure_case_are_left_alone() -> None:
    first, second = a_wallet(cards=2)
    obligation = owe(first)
    FundingCharge.objects.update(status="declined")
    FundingObligation.objects.update(status="failed", updated_at=clock.now() - dt.timedelta(days=90))
    with transaction.atomic():
        cases.open_obligation_case(kind="funding_declined", obligation=obligation, summary="Declined.")

    assert cascade.sweep() == 0
    assert cascade.next_charge(obligation_id=obligation.pk, method_ids=[second.pk], actor=ME) == "nothing"


def test_the_sweeper_says_again_what_the_queue_lost_and_only_that(sandbox: RunningSandbox) -> None:
    first, _ = a_wallet(cards=2)
    obligation = owe(first)
    decline(sandbox, first, "insufficient_funds")
    charges.charge(charge_id=obligation.charges.get().pk)
    later = clock.now() + dt.timedelta(minutes=1)
    assert cascade.sweep(now=later) == 0, "its message has not gone out yet"
    Message.objects.update(published_at=clock.now())

    assert cascade.sweep() == 0, "the ordinary way has a head start"
    assert cascade.sweep(now=later) == 1
    assert cascade.sweep(now=later) == 0, "asked already"

    waiting = Message.objects.get(topic="funding.failed", published_at=None)
    assert waiting.payload == {"obligation_id": obligation.pk}
