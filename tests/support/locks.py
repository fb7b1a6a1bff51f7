"""Locks that somebody else holds or waits for."""

import contextlib
import time
from collections.abc import Iterator

from django.db import connection


@contextlib.contextmanager
def held_elsewhere(statement: str) -> Iterator[None]:
    """Another connection has run `statement` and keeps its transaction open; ours waits for a lock only briefly.

    For tests in a transaction, whose end takes the shorter waiting time back.
    """
    other = connection.copy()
    other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            cursor.execute(statement)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '50ms'")
        yield
    finally:
        other.rollback()
        other.close()


def wait_for_somebody_who_waits(*, count: int = 1) -> None:
    """Until another connection waits for a lock that this one has; or so many in line, each behind the one before."""
    waiting = """
        WITH RECURSIVE line (pid) AS (
            SELECT pg_backend_pid()
            UNION
            SELECT l.pid FROM pg_locks l JOIN line ON line.pid = ANY (pg_blocking_pids(l.pid)) WHERE NOT l.granted
        )
        SELECT count(*) - 1 FROM line
    """
    with connection.cursor() as cursor:
        for _ in range(400):
            if cursor.execute(waiting).fetchone()[0] >= count:
                return
            time.sleep(0.05)
    raise AssertionError("Nobody came to wait for the lock.")


def deadlocks() -> int:
    """The server's own count; statistics of ended transactions are flushed within a second."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])
