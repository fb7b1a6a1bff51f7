"""What a signal interrupts, as the time limit of a task does: a statement, or the begin of a transaction."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection
from django.db import transaction as django_transaction

from onecard.celery import renew_old_connections
from onecard.kit.transactions import has_lock, lock_name, transaction
from onecard.users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
LOCK = "test:interrupted"


@contextmanager
def time_limit(after_s: float) -> Iterator[None]:
    """Raises as a worker's signal does, in the middle of whatever is done then."""

    def over(_number: int, _frame: FrameType | None) -> None:
        raise SoftTimeLimitExceeded

    usual, left = signal.signal(signal.SIGALRM, over), signal.setitimer(signal.ITIMER_REAL, after_s)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, usual)
        signal.setitimer(signal.ITIMER_REAL, *left)


def run(statement: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()


def write_and_be_interrupted() -> None:
    with transaction(), time_limit(0.1):
        User.objects.create(username="inside")
        run("SELECT pg_sleep(20)")


def test_what_follows_an_interrupted_statement_can_use_the_connection() -> None:
    with pytest.raises(SoftTimeLimitExceeded), time_limit(0.1):
        run("SELECT pg_sleep(20)")
    assert run("SELECT 1") == (1,)


def test_an_interrupted_statement_fails_its_savepoint_alone() -> None:
    with transaction():
        User.objects.create(username="before")
        with pytest.raises(SoftTimeLimitExceeded):
            write_and_be_interrupted()
        User.objects.create(username="after")
    assert set(User.objects.values_list("username", flat=True)) == {"before", "after"}


def test_the_next_task_joins_no_transaction_that_was_left_open(caplog: pytest.LogCaptureFixture) -> None:
    # As when the signal comes after the begin and before the block that would end it.
    django_transaction.atomic().__enter__()
    User.objects.create(username="lost")

    renew_old_connections()

    assert "left open" in caplog.text
    User.objects.create(username="kept")
    connection.close()
    assert list(User.objects.values_list("username", flat=True)) == ["kept"]


def test_the_next_task_has_no_lock_of_a_transaction_left_open() -> None:
    left_open = transaction()
    left_open.__enter__()
    lock_name(LOCK)

    renew_old_connections()

    assert not has_lock(LOCK)
    with transaction():
        lock_name(LOCK)
        assert has_lock(LOCK)
    assert not has_lock(LOCK)
    del left_open
