"""A sweeper goes on after a row that fails, and stops when its time, or that of its task, is over."""

import logging

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from onecard.kit.sweeper import each_in_turn


def test_a_row_that_fails_is_named_and_does_not_hold_up_the_others(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []

    def act(row_id: int) -> None:
        if row_id == 2:
            raise ValueError("no")
        done.append(row_id)

    with caplog.at_level(logging.ERROR):
        assert each_in_turn([1, 2, 3], act, what="refund") == 3

    assert done == [1, 3]
    assert "refund 2" in caplog.text


def test_the_end_of_the_tasks_time_ends_the_sweep() -> None:
    done: list[int] = []

    def act(row_id: int) -> None:
        done.append(row_id)
        raise SoftTimeLimitExceeded

    with pytest.raises(SoftTimeLimitExceeded):
        each_in_turn([1, 2], act, what="refund")
    assert done == [1]


def test_a_sweep_that_has_worked_for_long_leaves_the_rest_to_the_next_one() -> None:
    done: list[int] = []

    assert each_in_turn([1, 2, 3], done.append, what="refund", work_s=0) == 1
    assert each_in_turn([2, 3], done.append, what="refund", work_s=60) == 2
    assert each_in_turn([], done.append, what="refund", work_s=0) == 0
    assert done == [1, 2, 3]
