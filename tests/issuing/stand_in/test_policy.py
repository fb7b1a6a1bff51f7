"""Stand-in approves only what is certain to be within the card's limits and its own amount."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from issuing.stand_in import policy
from issuing.stand_in.policy import FrozenCard, Question, decline_reason

AMOUNTS = st.integers(-10_000, 200_000)
CARDS = st.builds(
    FrozenCard,
    is_usable=st.booleans(),
    is_controlled=st.booleans(),
    currency=st.sampled_from(["USD", "EUR"]),
    most_minor=AMOUNTS,
    purchase_limit_minor=AMOUNTS,
    day_left_minor=AMOUNTS,
    month_left_minor=AMOUNTS,
    method_id=st.integers(0, 2),
)
QUESTIONS = st.builds(
    Question,
    amount_minor=st.integers(0, 200_000),
    currency=st.sampled_from(["USD", "EUR"]),
    is_plain=st.booleans(),
    is_in_doubt=st.booleans(),
)

# The first draws on a busy machine take a while.
at_leisure = hypothesis_settings(suppress_health_check=[HealthCheck.too_slow])


@at_leisure
@given(CARDS | st.none(), QUESTIONS, st.integers(0, 200_000))
def test_an_approval_is_within_every_limit(card: FrozenCard | None, question: Question, approved_minor: int) -> None:
    reason = decline_reason(policy.APPROVE, question, card, approved_minor=approved_minor)

    assert reason == "" or reason in policy.REASONS
    if not reason:
        total_minor = approved_minor + question.amount_minor
        assert card is not None
        assert card.is_usable
        assert not card.is_controlled
        assert card.method_id or not question.amount_minor
        assert question.is_plain
        assert not question.is_in_doubt
        assert question.currency == card.currency
        assert question.amount_minor <= card.purchase_limit_minor
        assert total_minor <= min(card.day_left_minor, card.month_left_minor, card.most_minor)


@at_leisure
@given(CARDS, QUESTIONS, st.integers(0, 200_000), st.integers(0, 200_000))
def test_who_spent_more_is_never_approved_for_more(card: Any, question: Any, approved: int, more: int) -> None:
    before = decline_reason(policy.APPROVE, question, card, approved_minor=approved)
    after = decline_reason(policy.APPROVE, question, card, approved_minor=approved + more)

    assert not (before and not after)


@at_leisure
@given(CARDS | st.none(), QUESTIONS)
def test_by_default_nothing_is_approved(card: FrozenCard | None, question: Question) -> None:
    assert decline_reason("decline", question, card, approved_minor=0) == "stand_in_declined"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"is_usable": False}, "stand_in_unusable_card"),
        ({"is_controlled": True}, "stand_in_under_controls"),
        ({"method_id": 0}, "stand_in_unusable_card"),
        ({"currency": "EUR"}, "stand_in_not_allowed"),
        ({"purchase_limit_minor": 4_499}, "stand_in_limit_exceeded"),
        ({"day_left_minor": 5_499}, "stand_in_limit_exceeded"),
        ({"month_left_minor": 5_499}, "stand_in_limit_exceeded"),
        ({"most_minor": 5_499}, "stand_in_amount_exceeded"),
        ({"most_minor": 5_500}, ""),
    ],
)
def test_each_reason_has_its_word(changes: dict[str, Any], reason: str) -> None:
    usual = {
        "is_usable": True,
        "is_controlled": False,
        "currency": "USD",
        "most_minor": 10_000,
        "purchase_limit_minor": 4_500,
        "method_id": 1,
    }
    card = FrozenCard(**{**usual, "day_left_minor": 9_000, "month_left_minor": 9_000, **changes})
    question = Question(amount_minor=4_500, currency="USD", is_plain=True, is_in_doubt=False)

    assert decline_reason(policy.APPROVE, question, card, approved_minor=1_000) == reason
