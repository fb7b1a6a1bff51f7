"""Gives up on a silent database: the server's own timeouts end nothing while the server hangs.

Inside `give_up_after` every wait of this thread for PostgreSQL ends at one moment: for a connection, a statement or a
commit. The connection is then closed at once, and whether its work was done is unknown.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any, Self

import psycopg
from psycopg import waiting
from psycopg.abc import PQGen, PQGenConn
from psycopg.pq import TransactionStatus

# How often a wait without a limit checks for Ctrl-C, in seconds; psycopg's own value.
INTERVAL_S = 0.1
# psycopg's own wait for the end of a statement that it cancels.
CANCELED_WITHIN_S = 5.0


class SilentDatabaseError(psycopg.OperationalError):
    """The database did not answer in time, so its connection was closed. Its work may have been done."""


@contextlib.contextmanager
def give_up_after(seconds: float) -> Iterator[None]:
    """Ends every wait of this thread for the database at one moment; an earlier outer moment stays.

    A wait that ends raises django.db.OperationalError with a SilentDatabaseError as its cause.
    """
    usual = _limit.until
    until = time.monotonic() + seconds
    _limit.until = until if usual is None else min(usual, until)
    try:
        yield
    finally:
        _limit.until = usual


class TimeLimitedConnection(psycopg.Connection[Any]):
    """A connection whose waits end at the thread's moment.

    `planned` holds the decision's statements that have succeeded here, so that they are prepared on the server;
    `is_doubtful` means that one failed before it had ever succeeded.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.planned: set[str] = set()
        self.is_doubtful = False

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> PQGenConn[Self]:
        """As psycopg's, but waits for a new connection no longer than the thread may.

        psycopg and libpq allow no connect timeout under two seconds, so the wait is done here, step by step.
        """
        connecting = super()._connect_gen(conninfo)
        if _limit.until is None:
            return (yield from connecting)
        try:
            return waiting.wait_conn(connecting, INTERVAL_S, _left_s())
        except psycopg.errors._WaitTimeout:  # noqa: SLF001  (what `wait_conn` documents to raise; it is not public)
            raise SilentDatabaseError("The database took no connection before the time was up.") from None
        finally:
            connecting.close()

    def wait(self, gen: PQGen[Any], interval: float = INTERVAL_S, timeout: float | None = None) -> Any:
        """As psycopg's; raises SilentDatabaseError and closes the connection when the time is over.

        A statement that is interrupted, as by Celery's time limit, is canceled, so that the connection can be used on.
        """
        try:
            return self._wait(gen, interval, timeout)
        except psycopg.Error:
            raise
        except BaseException:
            self._cancel(gen)
            raise

    def _wait(self, gen: PQGen[Any], interval: float, timeout: float | None) -> Any:
        if _limit.until is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, min(interval, INTERVAL_S), _left_s())
        except psycopg.errors._WaitTimeout:  # noqa: SLF001  (what `wait` documents to raise; it has no public name)
            self.pgconn.finish()
            # A half-done statement would still send to the server when its connection is discarded.
            with contextlib.suppress(psycopg.Error, RuntimeError):
                gen.close()
            raise SilentDatabaseError("The database did not answer before the time was up.") from None

    def _cancel(self, gen: PQGen[Any]) -> None:
        """Cancels the statement that runs, as psycopg does after Ctrl-C only, or ends the connection."""
        if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
            return
        try:
            self.cancel_safe(timeout=CANCELED_WITHIN_S)
            waiting.wait(gen, self.pgconn.socket, interval=INTERVAL_S, timeout=CANCELED_WITHIN_S)
        except psycopg.errors.QueryCanceled:
            pass
        except BaseException:  # noqa: BLE001  (whatever came in between: the interruption itself is raised again)
            self.pgconn.finish()


def _left_s() -> float:
    assert _limit.until is not None  # noqa: S101  (asked before)
    return max(0.0, _limit.until - time.monotonic())


class _Limit(threading.local):
    """Until when this thread waits for its database, by the monotonic clock; None for no limit."""

    until: float | None = None


_limit = _Limit()
