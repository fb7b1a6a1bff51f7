"""Locks that a transaction takes once, and gives back with what it rolls back."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from onecard.kit.transactions import TransactionError, lock_name, savepoint, transaction

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "test:a-name"


class MindChangedError(Exception):
    pass


def is_free_for_others() -> bool:
    """Asked on a connection of its own."""
    other = connections["default"].copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [NAME])
            return bool(cursor.fetchone()[0])
    finally:
        other.close()


def statements_of_taking_it() -> int:
    with CaptureQueriesContext(connection) as seen:
        lock_name(NAME)
    return len(seen)


def take_it_and_fail(within: Callable[[], AbstractContextManager[None]]) -> None:
    with within():
        lock_name(NAME)
        raise MindChangedError


def test_a_named_lock_is_taken_once_and_held_to_the_end() -> None:
    with transaction():
        assert statements_of_taking_it() == 1
        assert not is_free_for_others()
        with transaction():
            assert statements_of_taking_it() == 0
        assert statements_of_taking_it() == 0
    assert is_free_for_others()


def test_the_next_transaction_takes_it_anew() -> None:
    for _ in range(2):
        with transaction():
            assert statements_of_taking_it() == 1
            assert not is_free_for_others()


def test_a_lock_of_a_savepoint_that_went_well_is_the_transactions() -> None:
    with transaction():
        with savepoint():
            lock_name(NAME)
        assert not is_free_for_others()
        assert statements_of_taking_it() == 0


@pytest.mark.parametrize("inner", [savepoint, transaction])
def test_what_is_rolled_back_gives_its_lock_back_and_it_is_taken_again(
    inner: Callable[[], AbstractContextManager[None]],
) -> None:
    with transaction():
        with pytest.raises(MindChangedError):
            take_it_and_fail(inner)
        assert is_free_for_others()
        assert statements_of_taking_it() == 1
        assert not is_free_for_others()


def test_a_lock_from_before_a_savepoint_outlives_its_rollback() -> None:
    with transaction():
        lock_name(NAME)
        with pytest.raises(MindChangedError):
            take_it_and_fail(savepoint)
        assert not is_free_for_others()
        assert statements_of_taking_it() == 0


def test_a_transaction_that_fails_leaves_no_memory_of_its_locks() -> None:
    with pytest.raises(MindChangedError):
        take_it_and_fail(transaction)
    with transaction():
        assert statements_of_taking_it() == 1


def test_outside_a_transaction_there_is_nothing_to_hold_a_lock() -> None:
    with pytest.raises(TransactionError):
        lock_name(NAME)
