"""When a charge fails: the next card, the backup, the receivable, the retries; and never two successes (I9, I11)."""

import datetime as dt
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings
from hypothesis import HealthCheck, given
from hypothesis import settings as trials
from hypothesis import strategies as st

from onecard.kit import clock
from onecard.outbox.models import Message
from onecard.sandbox.running import RunningSandbox
from tests.sandboxes import intents, processor_sandbox
from tests.threads import at_once
from tests.wallet.cascades import ME, PAYMENT_METHODS, a_wallet, make_retry_due, owe, run_out, step, story
from wallet import calling_off, cascade, cases, funding, obligations, outcomes, refunds, states
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation
from wallet.processors.base import Outcome, OutcomeUnknownError

pytestmark = pytest.mark.django_db

INTENTS = "/v1/payment_intents"
GOOD = PAYMENT_METHODS[0]


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


def decline(sandbox: RunningSandbox, method: FundingMethod, code: str, times: int | None = 1) -> None:
    sandbox.order(
        method="POST",
        path=INTENTS,
        do="decline",
        decline_code=code,
        payment_method=method.processor_method_id,
        times=times,
    )


def paid(sandbox: RunningSandbox) -> int:
    return [intent["status"] for intent in intents(sandbox)].count("succeeded")


def receivable() -> Case:
    return Case.objects.get(kind="receivable", status="open")


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


def test_with_no_card_left_the_cardholder_owes_it_and_hard_declines_are_not_tried_again(
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
        assert funding.charge(charge_id=waiting.pk) == "intended", "not before its time"
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
        refunds.begin(obligation=obligations.lock(obligation.pk), amount_minor=1500, reason="Less.", actor=ME)
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
def test_a_charge_that_waits_for_the_person_is_called_off_and_the_next_card_pays(
    sandbox: RunningSandbox, do: str
) -> None:
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


def test_a_payment_that_the_person_confirmed_just_then_counts_and_no_other_card_is_charged(
    sandbox: RunningSandbox,
) -> None:
    first, second = a_wallet(cards=2)
    obligation = owe(first)
    sandbox.order(method="POST", path=INTENTS, do="requires_action")
    funding.charge(charge_id=obligation.charges.get().pk)
    sandbox.state.objects["payment_intent"][str(obligation.charges.get().processor_charge_id)]["status"] = "succeeded"

    assert run_out(obligation, [first, second]) == "funded"

    assert [(method, status) for method, status, _ in story(obligation)] == [(first.pk, "succeeded")]


def test_while_it_cannot_be_called_off_no_other_card_is_charged_and_in_the_end_a_person_is_told() -> None:
    first, second = a_wallet(cards=2)
    obligation = owe(first)
    FundingCharge.objects.update(status="requires_action", processor_charge_id="pi_1", updated_at=clock.now())

    def silent(_id: str) -> Outcome:
        raise OutcomeUnknownError("No answer.")

    for minutes, told in ((0, False), (90, True)):
        FundingCharge.objects.update(updated_at=clock.now() - dt.timedelta(minutes=minutes))
        calling_off.call_off_waiting(obligation_id=obligation.pk, actor=ME, call_off=silent)
        cascade.next_charge(obligation_id=obligation.pk, method_ids=[second.pk], actor=ME)
        assert Case.objects.filter(kind="funding_needs_cardholder").exists() is told

    assert second.charges.count() == 0
    assert cascade.sweep(now=clock.now() + dt.timedelta(hours=1)) == 0, "a person has it"


def test_a_charge_that_waits_for_its_cardholder_is_called_off_although_nothing_is_owed_any_more(
    sandbox: RunningSandbox,
) -> None:
    (first,) = a_wallet(cards=1)
    obligation = owe(first)
    sandbox.order(method="POST", path=INTENTS, do="requires_action")
    charge = obligation.charges.get()
    assert funding.charge(charge_id=charge.pk) == "requires_action"
    with transaction.atomic():
        obligations.release(obligation_id=obligation.pk, actor=ME)
    Message.objects.update(published_at=clock.now())

    assert cascade.sweep(now=clock.now() + dt.timedelta(minutes=5)) == 1
    calling_off.call_off_waiting(obligation_id=obligation.pk, actor=ME)

    charge.refresh_from_db()
    assert charge.status == "canceled"
    assert cascade.sweep(now=clock.now() + dt.timedelta(minutes=5)) == 0


def declined_with_next(first: FundingMethod, second: FundingMethod, next_status: str) -> FundingObligation:
    obligation = owe(first)
    FundingCharge.objects.filter(obligation=obligation).update(status="sending")
    charge = obligation.charges.get()
    outcomes.record(charge_id=charge.pk, outcome=Outcome("declined", f"pi_{charge.pk}", "call_issuer"), actor=ME)
    cascade.next_charge(obligation_id=obligation.pk, method_ids=[second.pk], actor=ME)
    obligation.charges.filter(sequence=2).update(status=next_status)
    return obligation


def late_success(obligation: FundingObligation) -> None:
    first = obligation.charges.get(sequence=1)
    outcomes.apply_news(Outcome("succeeded", str(first.processor_charge_id)))


def test_a_late_success_calls_off_the_next_card_while_nobody_has_sent_it() -> None:
    first, second = a_wallet(cards=2)
    obligation = declined_with_next(first, second, "intended")

    late_success(obligation)

    obligation.refresh_from_db()
    assert obligation.status == "funded"
    assert [(method, status) for method, status, _ in story(obligation)] == [
        (first.pk, "succeeded"),
        (second.pk, "canceled"),
    ]
    assert not Case.objects.exists()


@pytest.mark.parametrize(
    ("then", "status", "case"), [("declined", "funded", "resolved"), ("succeeded", "funded", "open")]
)
def test_a_late_success_beside_a_charge_under_way_is_a_case_until_that_fails(then: str, status: str, case: str) -> None:
    first, second, third = a_wallet()
    obligation = declined_with_next(first, second, "sending")

    late_success(obligation)
    assert Case.objects.get().kind == "two_charges"
    under_way = obligation.charges.get(sequence=2)
    outcomes.record(charge_id=under_way.pk, outcome=Outcome(then, "pi_next", "stolen_card"), actor=ME)
    cascade.next_charge(obligation_id=obligation.pk, method_ids=[third.pk], actor=ME)

    obligation.refresh_from_db()
    assert (obligation.status, Case.objects.get().status) == (status, case)
    assert obligation.charges.filter(status="succeeded").count() == 1
    assert third.charges.count() == 0


def test_a_late_success_of_a_released_purchase_goes_back_once_the_charge_under_way_has_failed() -> None:
    first, second = a_wallet(cards=2)
    obligation = declined_with_next(first, second, "sending")
    with transaction.atomic():
        obligations.release(obligation_id=obligation.pk, actor="issuer:stripe")
    late_success(obligation)

    under_way = obligation.charges.get(sequence=2)
    outcomes.record(charge_id=under_way.pk, outcome=Outcome("declined", "pi_next"), actor=ME)

    assert obligation.refunds.get().amount_minor == 4500


def test_while_a_second_success_is_unexplained_no_further_card_is_charged() -> None:
    first, second = a_wallet(cards=2)
    obligation = owe(first)
    obligations_row = FundingObligation.objects.filter(pk=obligation.pk)
    FundingCharge.objects.filter(obligation=obligation).update(status="refused", processor_charge_id="pi_1")
    obligations_row.update(status="failed", updated_at=clock.now() - dt.timedelta(hours=1))
    outcomes.apply_news(Outcome("succeeded", "pi_1"))
    assert Case.objects.get().kind == "two_charges"

    assert cascade.next_charge(obligation_id=obligation.pk, method_ids=[second.pk], actor=ME) == "nothing"
    assert cascade.sweep() == 0


def test_a_failure_that_is_not_the_cards_goes_to_a_person_and_not_to_another_card(sandbox: RunningSandbox) -> None:
    first, second = a_wallet(cards=2)
    obligation = owe(first, amount_minor=49)

    assert run_out(obligation, [first, second]) == "failed"

    assert Case.objects.get().kind == "funding_refused"
    assert second.charges.count() == 0
    assert not Message.objects.filter(topic="cardholder.notify").exists()
    assert cascade.sweep(now=clock.now() + dt.timedelta(hours=1)) == 0


def test_obligations_that_failed_before_there_was_a_cascade_are_left_alone() -> None:
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
    funding.charge(charge_id=obligation.charges.get().pk)
    later = clock.now() + dt.timedelta(minutes=1)
    assert cascade.sweep(now=later) == 0, "its message has not gone out yet"
    Message.objects.update(published_at=clock.now())

    assert cascade.sweep() == 0, "the ordinary way has a head start"
    assert cascade.sweep(now=later) == 1
    assert cascade.sweep(now=later) == 0, "asked already"

    waiting = Message.objects.get(topic="funding.failed", published_at=None)
    assert waiting.payload == {"obligation_id": obligation.pk}


def test_beside_a_charge_that_is_alive_no_other_card_is_charged_whatever_the_obligation_says() -> None:
    first, second = a_wallet(cards=2)
    obligation = owe(first)
    FundingCharge.objects.update(status="unknown")
    FundingObligation.objects.update(status="failed", updated_at=clock.now() - dt.timedelta(hours=1))

    assert cascade.next_charge(obligation_id=obligation.pk, method_ids=[second.pk], actor=ME) == "nothing"

    assert cascade.sweep() == 0
    assert second.charges.count() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("cards", [1, 2])
def test_eight_at_once_take_one_step(cards: int) -> None:
    methods = a_wallet(cards=cards)
    obligation = owe(methods[0])
    FundingCharge.objects.update(status="declined", failure_code="insufficient_funds")
    FundingObligation.objects.update(status="failed")
    order = [method.pk for method in methods]

    steps = at_once([lambda: cascade.next_charge(obligation_id=obligation.pk, method_ids=order, actor=ME)] * 8)

    assert sorted(steps) == sorted(["charged" if cards == 2 else "owed", *["nothing"] * 7])
    assert obligation.charges.filter(status="intended").count() == 1
    assert obligation.charges.count() == 2
    assert Case.objects.count() == (0 if cards == 2 else 1)


class Death(BaseException):
    """The process ends here."""


def dies_at(n: int, deed: Any) -> bool:
    """Does the deed on a connection that ends before its n-th statement; says whether it came to that."""
    left = [n]

    def statement(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise Death
        return execute(sql, params, many, context)

    try:
        with connection.execute_wrapper(statement):
            deed()
    except Death:
        return True
    finally:
        connection.close()
    return False


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("second_pays", [True, False])
def test_a_death_at_any_statement_ends_as_if_nobody_had_died(sandbox: RunningSandbox, second_pays: bool) -> None:
    points = 0
    for n in range(1, 200):
        sandbox.reset()
        first, second = a_wallet(cards=2, ids=[secrets_id(), GOOD if second_pays else secrets_id()])
        obligation = owe(first)
        died = dies_at(n, lambda obligation=obligation, order=(first, second): step(obligation, order))
        recover(obligation, [first, second])
        check_end(obligation, sandbox, funded=second_pays)
        FundingMethod.objects.filter(pk=second.pk).update(processor_method_id=secrets_id())
        points += died
        if not died:
            break
    print(f"{points} statements at which it died")
    assert points > 15


def secrets_id() -> str:
    return f"pm_{secrets.token_hex(8)}"


def recover(obligation: FundingObligation, order: list[FundingMethod]) -> None:
    """Time passes and the sweepers come by; the subscriber does what the message says."""
    past = clock.now() - dt.timedelta(minutes=10)
    for _ in range(4):
        mine = FundingCharge.objects.filter(obligation=obligation)
        mine.filter(claimed_until__isnull=False).update(claimed_until=past)
        mine.exclude(next_attempt_at=None).update(next_attempt_at=past)
        for charge_id in mine.values_list("pk", flat=True):
            funding.charge(charge_id=charge_id)
        Message.objects.update(published_at=clock.now())  # The broker lost all of them.
        cascade.sweep(now=clock.now() + dt.timedelta(minutes=5))
        said = Message.objects.filter(topic="funding.failed", published_at=None)
        if said.filter(payload__obligation_id=obligation.pk).exists():
            cascade.next_charge(obligation_id=obligation.pk, method_ids=[m.pk for m in order], actor=ME)


def check_end(obligation: FundingObligation, sandbox: RunningSandbox, *, funded: bool) -> None:
    obligation.refresh_from_db()
    assert obligation.status == ("funded" if funded else "failed")
    assert paid(sandbox) == (1 if funded else 0)
    assert obligation.charges.count() == 2
    open_cases = obligation.cases.filter(kind="receivable", status="open").count()
    assert open_cases == (0 if funded else 1)


OUTCOMES = st.sampled_from(
    [
        ("succeeded", ""),
        ("declined", "insufficient_funds"),
        ("declined", "do_not_honor"),
        ("declined", "stolen_card"),
        ("declined", "processing_error"),
        ("refused", "resource_missing"),
        ("requires_action", "authentication_required"),
        ("unknown", ""),
        ("processing", ""),
    ]
)


@pytest.mark.timeout(400)
@given(answers=st.lists(OUTCOMES, max_size=25), cards=st.integers(1, 4), twice=st.booleans())
@trials(max_examples=60, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))
def test_any_sequence_of_outcomes_ends_paid_once_or_owed_once(
    answers: list[tuple[str, str]], cards: int, twice: bool
) -> None:
    with transaction.atomic():
        methods = a_wallet(cards=cards, backup=0, ids=[secrets_id() for _ in range(cards)])
        obligation = owe(methods[0])
        play(obligation, methods, answers, twice=twice)

        obligation.refresh_from_db()
        succeeded = obligation.charges.filter(status="succeeded").count()
        open_cases = list(obligation.cases.filter(status="open").values_list("kind", flat=True))
        if obligation.status == "funded":
            assert (succeeded, open_cases) == (1, [])
        else:
            assert (obligation.status, succeeded, open_cases) == ("failed", 0, ["receivable"])
        retries = obligation.charges.count() - obligation.charges.values("method").distinct().count()
        assert retries <= 4
        transaction.set_rollback(True)


def play(
    obligation: FundingObligation, methods: list[FundingMethod], answers: list[tuple[str, str]], *, twice: bool
) -> None:
    """The processor answers as listed and then declines for good; each step of ours may be taken twice."""
    order, left = [method.pk for method in methods], [*answers, *[("declined", "stolen_card")] * 12]
    for number, (status, code) in enumerate(left):
        live = obligation.charges.filter(status__in=states.LIVE_CHARGE).exclude(status="succeeded").first()
        if live is not None:
            FundingCharge.objects.filter(pk=live.pk, status="intended").update(status="sending")
            news = Outcome(status, f"pi_{obligation.pk}_{live.pk}", code)
            for _ in range(1 + twice):
                outcomes.record(charge_id=live.pk, outcome=news, actor=f"processor:{number}")
        for _ in range(1 + twice):
            called_off(obligation)
            cascade.next_charge(obligation_id=obligation.pk, method_ids=order, actor=ME)


def called_off(obligation: FundingObligation) -> None:
    """The processor's word that the waiting charge was called off; the call itself has its own tests."""
    waiting = obligation.charges.filter(status="requires_action").first()
    if waiting is not None:
        outcomes.record(charge_id=waiting.pk, outcome=Outcome("canceled", ""), actor=ME)
