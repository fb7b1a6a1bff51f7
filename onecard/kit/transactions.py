"""What a database transaction is meant to be at each place, by name (Django's `atomic` means all three)."""

import contextlib
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
    with django_transaction.atomic():
        yield


@contextlib.contextmanager
def savepoint() -> Iterator[None]:
    """Lets one statement fail inside a transaction without poisoning the rest of it (money-safety T10)."""
    with django_transaction.atomic():
        yield


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
