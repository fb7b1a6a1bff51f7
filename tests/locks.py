"""A lock that somebody else holds, without a thread."""

import contextlib
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
