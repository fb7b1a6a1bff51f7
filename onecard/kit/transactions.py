"""What a database transaction is meant to be at each place, by name (Django's `atomic` means all three)."""

import contextlib
import threading
from collections.abc import Iterator

from django.db import connection
from django.db import transaction as django_transaction

from onecard.kit.errors import OneCardError


class TransactionError(OneCardError):
    """A function was called in a transaction that must not be, or outside one that must be."""

    code = "transaction_misuse"


@contextlib.contextmanager
def transaction() -> Iterator[None]:
    """All or nothing: commits what is inside as one unit, or joins the caller's unit."""
    with _locks.scope(), django_transaction.atomic():
        yield


@contextlib.contextmanager
def savepoint() -> Iterator[None]:
    """Lets one statement fail inside a transaction without poisoning the rest of it (money-safety T10)."""
    with _locks.scope(), django_transaction.atomic():
        yield


def takes_lock(name: str) -> bool:
    """Notes that the caller takes this lock now; False when the transaction has it already and nothing is to be done.

    A lock is held to the end of its transaction, so to take it again costs a round trip for nothing.
    """
    return _locks.take(name)


def lock_name(name: str) -> None:
    """Locks something by name to the end of the transaction: there may be no row yet to lock (money-safety T13)."""
    require_transaction(f"The lock {name}")
    if takes_lock(name):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def require_transaction(what: str) -> None:
    """Raises TransactionError unless a transaction is open: `what` must commit together with its cause."""
    if not connection.in_atomic_block:
        raise TransactionError(f"{what} must be written in the transaction of the change that causes it")


def require_no_transaction(what: str) -> None:
    """Raises TransactionError inside a transaction: a rollback cannot unsend a network call (money-safety T5).

    The outer block that Django's TestCase wraps around a test is not a transaction of ours and is tolerated.
    """
    blocks = connection.atomic_blocks if connection.in_atomic_block else []
    if any(not getattr(block, "_from_testcase", False) for block in blocks):
        raise TransactionError(f"{what} must not happen inside a database transaction")


class _Locks(threading.local):
    """What this thread's transaction has locked, by savepoint: what is rolled back gives its locks back."""

    def __init__(self) -> None:
        self.held: list[set[str]] = []

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        self.held.append(set())
        try:
            yield
        except BaseException:
            self.held.pop()
            raise
        done = self.held.pop()
        if self.held:
            self.held[-1] |= done

    def take(self, name: str) -> bool:
        if any(name in held for held in self.held):
            return False
        if self.held:
            self.held[-1].add(name)
        return True


_locks = _Locks()
