"""Names for the three uses of Django's `atomic`: a transaction, a savepoint, and a check for one."""

import contextlib
import logging
import threading
from collections.abc import Iterator

from django.db import connection
from django.db import transaction as django_transaction

from onecard.kit.errors import OneCardError

log = logging.getLogger(__name__)


class TransactionError(OneCardError):
    """A function ran inside a transaction although it must not, or outside one although it must."""

    code = "transaction_misuse"


@contextlib.contextmanager
def transaction() -> Iterator[None]:
    """Commits everything inside as one unit, or joins the caller's unit."""
    with _locks.scope(), django_transaction.atomic():
        yield


@contextlib.contextmanager
def limited_read(limit_ms: float) -> Iterator[None]:
    """Has the database end what is read here after so many milliseconds; inside a transaction, that one's limit counts.

    Raises django.db.OperationalError when the time is over.
    """
    if connection.in_atomic_block:
        yield
        return
    with transaction(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {max(1, int(limit_ms))}")
        yield


@contextlib.contextmanager
def savepoint() -> Iterator[None]:
    """Lets one statement fail without failing the transaction around it (money-safety T10)."""
    with _locks.scope(), django_transaction.atomic():
        yield


def takes_lock(name: str) -> bool:
    """Notes that the caller takes this lock; returns False when the transaction has it already.

    A lock lasts until its transaction ends, so taking it again would only cost a round trip.
    """
    return _locks.take(name)


def has_lock(name: str) -> bool:
    """Returns whether the transaction has taken this lock (`takes_lock`, `lock_name`); outside a transaction never."""
    return _locks.has(name)


def lock_name(name: str) -> None:
    """Locks a name until the transaction ends, where there may be no row to lock (money-safety T13)."""
    require_transaction(f"The lock {name}")
    if takes_lock(name):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def try_lock_name(name: str) -> bool:
    """Locks a name until the transaction ends, without waiting; returns False while another transaction has it."""
    require_transaction(f"The lock {name}")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        return bool(cursor.fetchone()[0])


def require_transaction(what: str) -> None:
    """Raises TransactionError outside a transaction: `what` must commit together with its cause."""
    if not connection.in_atomic_block:
        raise TransactionError(f"{what} must be written in the transaction of the change that causes it")


def require_no_transaction(what: str) -> None:
    """Raises TransactionError inside one: a rollback cannot undo a network call (money-safety T5).

    The outer block that Django's TestCase wraps around a test does not count.
    """
    blocks = connection.atomic_blocks if connection.in_atomic_block else []
    if any(not getattr(block, "_from_testcase", False) for block in blocks):
        raise TransactionError(f"{what} must not happen inside a database transaction")


def abandon_transaction() -> None:
    """Ends a transaction of this thread that was left open, with its locks; for the start of a task, where none is.

    A signal may raise between the begin of a transaction and the block that would end it, as Celery's time limit does.
    Without this, every later task of the process would fail, or would join a transaction that nobody commits.
    """
    if connection.in_atomic_block or _locks.held:
        log.error("A transaction that was left open is rolled back.")
        _locks.held = []
        connection.in_atomic_block = connection.needs_rollback = False
        connection.savepoint_ids, connection.atomic_blocks = [], []
        connection.close()


class _Locks(threading.local):
    """What this thread's transaction has locked, by savepoint: a rollback to a savepoint releases its locks."""

    def __init__(self) -> None:
        self.held: list[set[str]] = []

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        held = self.held
        held.append(set())
        try:
            yield
        except BaseException:
            held.pop()
            raise
        done = held.pop()
        if held:
            held[-1] |= done

    def has(self, name: str) -> bool:
        return any(name in held for held in self.held)

    def take(self, name: str) -> bool:
        if self.has(name):
            return False
        if self.held:
            self.held[-1].add(name)
        return True


_locks = _Locks()
