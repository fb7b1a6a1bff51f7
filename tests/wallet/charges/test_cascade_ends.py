"""However a cascade goes: late successes, races, deaths and any answers end in one payment or one receivable."""

import datetime as dt
import random
import secrets
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as trials
from hypothesis import strategies as st

from onecard.kit import clock
from onecard.outbox.models import Message
from tests.sandbox.running import RunningSandbox
from tests.support.lengths import length
from tests.support.sandboxes import intents
from tests.support.threads import at_once
from tests.wallet.charges.cascades import GOOD, INTENTS, ME, a_wallet, owe, paid, run_out, sandbox, step, story
from wallet import states
from wallet.charges import cascade, outcomes
from wallet.charges import charge as charges
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation
from wallet.obligations import lifecycle as obligations
from wallet.processors.base import Outcome

__all__ = ["sandbox"]
pytestmark = pytest.mark.django_db

# The process dies at one statement in so many, from a random one on.
DEATH_EVERY = length("CASCADE_DEATH_EVERY", short=3, whole=1)
OUTCOMES = st.sampled_from(
    [
        ("succeeded", ""),
        ("declined", "insufficient_funds"),
        ("declined", "do_not_honor"),
        ("declined", "stolen_card"),
        ("declined", "processing_error"),
        ("refused", "payment_method_not_available"),
        ("requires_action", "authentication_required"),
        ("unknown", ""),
        ("processing", ""),
    ]
)


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
    outcomes.apply_update(Outcome("succeeded", str(first.processor_charge_id)))


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
def test_a_late_success_beside_a_live_charge_is_a_case_until_it_fails(then: str, status: str, case: str) -> None:
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


def test_a_late_success_of_a_released_purchase_is_refunded() -> None:
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
    outcomes.apply_update(Outcome("succeeded", "pi_1"))
    assert Case.objects.get().kind == "two_charges"

    assert cascade.next_charge(obligation_id=obligation.pk, method_ids=[second.pk], actor=ME) == "nothing"
    assert cascade.sweep() == 0


def test_no_card_is_charged_beside_a_live_charge() -> None:
    first, second = a_wallet(cards=2)
    obligation = owe(first)
    FundingCharge.objects.update(status="unknown")
    FundingObligation.objects.update(status="failed", updated_at=clock.now() - dt.timedelta(hours=1))

    assert cascade.next_charge(obligation_id=obligation.pk, method_ids=[second.pk], actor=ME) == "nothing"

    assert cascade.sweep() == 0
    assert second.charges.count() == 0


@pytest.mark.parametrize("told", [True, False], ids=["by the queue", "by the sweeper"])
def test_a_top_up_that_waits_for_its_holder_is_called_off_and_has_failed(sandbox: RunningSandbox, told: bool) -> None:
    first, second = a_wallet(cards=2, backup=1)
    obligation = owe(first, purchase="card:1")
    sandbox.order(method="POST", path=INTENTS, do="requires_action")
    assert charges.charge(charge_id=obligation.charges.get().pk) == "requires_action"
    if not told:
        Message.objects.update(published_at=clock.now())
        assert cascade.sweep(now=clock.now() + dt.timedelta(minutes=5)) == 1
    waiting = Message.objects.get(topic="funding.failed", published_at=None)
    assert waiting.payload == {"obligation_id": obligation.pk}

    assert run_out(obligation, [first, second]) == "failed"

    assert [(method, status) for method, status, _ in story(obligation)] == [(first.pk, "canceled")]
    assert [intent["status"] for intent in intents(sandbox)] == ["canceled"]
    assert Case.objects.get().kind == "funding_refused"
    assert cascade.sweep(now=clock.now() + dt.timedelta(minutes=5)) == 0


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


@pytest.mark.only_in_proofs
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("second_pays", [True, False])
def test_a_death_at_any_statement_ends_as_if_nobody_had_died(sandbox: RunningSandbox, second_pays: bool) -> None:
    points = 0
    first_n = random.randint(1, DEATH_EVERY)
    for n in range(first_n, 200, DEATH_EVERY):
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
    print(f"{points} statements at which it died, one every {DEATH_EVERY} from {first_n} on")
    assert points > 15 // DEATH_EVERY


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
            charges.charge(charge_id=charge_id)
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


@pytest.mark.only_in_proofs
@pytest.mark.timeout(400)
@given(answers=st.lists(OUTCOMES, max_size=25), cards=st.integers(1, 4), twice=st.booleans())
@trials(
    max_examples=length("CASCADE_EXAMPLES", short=15, whole=100),
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
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
