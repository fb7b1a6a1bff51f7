"""A card's past as it is read from its row: what the columns hold, and what of it a decision sees."""

import json
from typing import Any

import pytest

from issuing.history.card_history import NO_HISTORY, Attempt, History, Place

LONG_SQUARES = int("9" * 40)


def of(*, recent: Any = (), squares: int = 0, present: Any = None) -> History:
    return History.of(json.dumps([2, 300, squares, list(recent), {"7": 20_400}, {"US": 20_400}, {}, present]))


def test_attempts_are_read_in_their_order_with_approvals_as_truth_values() -> None:
    found = of(recent=[[20, 500, -7, 0, 12], [10, 400, 7, 1, 11]])

    assert found.attempts == (Attempt(20, 500, -7, is_approved=False), Attempt(10, 400, 7, is_approved=True))
    assert [each.is_approved for each in found.attempts] == [False, True]
    assert found.consecutive_declines == 1


def test_sums_of_squares_stay_exact_at_their_longest() -> None:
    assert of(squares=LONG_SQUARES).squares == LONG_SQUARES


def test_what_a_last_presence_does_not_name_is_an_empty_text() -> None:
    assert of(present=[5, None, "Bonn", None, 9]).last_present == Place(5, "", "Bonn", "")


def test_names_are_read_without_their_days() -> None:
    assert (of().merchants, of().countries, of().mccs) == ({"7"}, {"US"}, frozenset())


@pytest.mark.parametrize("nothing", [None, "", b""])
def test_a_card_without_a_row_has_an_empty_past(nothing: Any) -> None:
    assert History.of(nothing) is NO_HISTORY
