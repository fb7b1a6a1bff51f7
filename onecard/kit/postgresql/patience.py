"""A database that says nothing is given up on: the server's own timeouts end nothing while the server hangs.

Inside `give_up_after` every wait of this thread for PostgreSQL ends at one moment: for a new connection, for a
statement, for a commit. The connection is then closed at once, and what it was doing has an unknown outcome.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any, Self

import psycopg
from psycopg import waiting
from psycopg.abc import PQGen, PQGenConn

# How often a wait without a limit of ours looks for Ctrl-C, in seconds; psycopg's own figure.
INTERVAL_S = 0.1


class SilentDatabaseError(psycopg.OperationalError):
    """The database did not answer in time, so its connection was closed. Whether it did its work is unknown."""


@contextlib.contextmanager
def give_up_after(seconds: float) -> Iterator[None]:
    """Ends every wait for the database inside, in this thread, at the same moment; an earlier outer moment stays.

    What waits at that moment raises django.db.OperationalError with a SilentDatabaseError as its cause.
    """
    usual = _patience.until
    until = time.monotonic() + seconds
    _patience.until = until if usual is None else min(usual, until)
    try:
        yield
    finally:
        _patience.until = usual


class PatientConnection(psycopg.Connection[Any]):
    """A connection whose waits end with the thread's patience.

    `planned` holds the decision's statements that have succeeded here, so that they are prepared on the server;
    `is_doubtful` says that one failed before it had ever succeeded.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.planned: set[str] = set()
        self.is_doubtful = False

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> PQGenConn[Self]:
        """As psycopg's, but a new connection is waited for no longer than the thread's patience lasts.

        psycopg and libpq know no time-out of connecting under two seconds, so the wait is done here, step by step.
        """
        connecting = super()._connect_gen(conninfo)
        if _patience.until is None:
            return (yield from connecting)
        try:
            return waiting.wait_conn(connecting, INTERVAL_S, _left_s())
        except psycopg.errors._WaitTimeout:  # noqa: SLF001  (what `wait_conn` documents to raise; it is not public)
            raise SilentDatabaseError("The database took no connection before the time was up.") from None
        finally:
            connecting.close()

    def wait(self, gen: PQGen[Any], interval: float = INTERVAL_S, timeout: float | None = None) -> Any:
        """As psycopg's; raises SilentDatabaseError and closes the connection when the patience is over."""
        if _patience.until is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, min(interval, INTERVAL_S), _left_s())
        except psycopg.errors._WaitTimeout:  # noqa: SLF001  (what `wait` documents to raise; it has no public name)
            self.pgconn.finish()
            # Left half way, it would still try to speak to the server when it is thrown away.
            with contextlib.suppress(psycopg.Error, RuntimeError):
                gen.close()
            raise SilentDatabaseError("The database did not answer before the time was up.") from None


def _left_s() -> float:
    assert _patience.until is not None  # noqa: S101  (asked before)
    return max(0.0, _patience.until - time.monotonic())


class _Patience(threading.local):
    """Until when this thread waits for its database, by the monotonic clock; None: as long as the server takes."""

    until: float | None = None


_patience = _Patience()
