"""Who is to blame for a refusal: the card, the person, the amount, our account or our request (docs/decisions/0029)."""

from collections.abc import Iterator
from typing import Any

import pytest

from onecard.outbox.models import Message
from tests.sandbox.running import RunningSandbox
from tests.support.sandboxes import processor_sandbox
from tests.wallet.charges.cascades import a_wallet, owe, run_out
from tests.wallet.processors.refusals import refuse
from wallet.models import Case, FundingMethod, ProcessorPause
from wallet.processors import blame
from wallet.processors.base import Outcome
from wallet.processors.blame import Blame

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


# What is wrong with one amount, or with one person's record: a case for it, and no other card is asked.
CHARGES_OWN_TROUBLE: list[dict[str, Any]] = [
    {"error_code": "amount_too_large", "error_param": "amount", "error_message": "At most."},
    {"error_code": "resource_missing", "error_param": "customer", "error_message": "No such customer: 'cus_1'"},
]


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
