"""Django's PostgreSQL backend, made fit for this product: for bound parameters, for silence, for lost statements.

Parameters are bound by the server (docs/decisions/0024). A statement then holds `MOST_PARAMETERS` of them, so that what
is written in bulk is sent in batches. And Django takes a number whose field it does not know, as in `Value(10**13)` or
`F("amount_minor") + 10**13`, for one of 32 bits; psycopg would drop, without a word, what is beyond, so that a number
which is too large for its parameter is sent whole. How a broken connection is found: docs/decisions/0032.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from django.db.backends.postgresql import base, features, operations
from django.db.utils import DatabaseErrorWrapper
from django.utils.functional import cached_property
from psycopg import IsolationLevel, errors

from onecard.kit.postgresql.patience import PatientConnection

BITS = {"Small": 16, "PositiveSmall": 16, "": 32, "Positive": 32, "Big": 64, "PositiveBig": 64}
# PostgreSQL's protocol counts a statement's parameters in 16 bits (its manual, "Message Formats", Bind).
MOST_PARAMETERS = 2**16 - 1
# What psycopg believes to be prepared is not, or the other way round: a pooler or DISCARD ALL came in between.
LOST_STATEMENT = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)


class DatabaseOperations(operations.DatabaseOperations):
    """What a statement is told: no more parameters than it can hold, and no number cut off."""

    def bulk_batch_size(self, fields: Sequence[object], objs: Sequence[object]) -> int:
        """How many of the objects, each with a parameter for every one of the fields, one statement can hold."""
        return min(len(objs), MOST_PARAMETERS // max(len(fields), 1))

    def adapt_integerfield_value(self, value: object, internal_type: str) -> object:
        """Gives a number its parameter's type where it fits; psycopg chooses one that holds the others.

        A column that is too narrow for the number then refuses it with an error, as it should.
        """
        if isinstance(value, int) and not _fits(value, BITS[internal_type.removesuffix("IntegerField")]):
            return int(value)
        return super().adapt_integerfield_value(value, internal_type)


class DatabaseFeatures(features.DatabaseFeatures):
    """What Django may count on."""

    max_query_params = MOST_PARAMETERS


class ErrorWrapper(DatabaseErrorWrapper):
    """Notes as well when an error says that the connection is not what psycopg takes it for."""

    wrapper: "DatabaseWrapper"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, LOST_STATEMENT):
            self.wrapper.has_lost_statements = True
        super().__exit__(kind, error, trace)


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection to PostgreSQL. A broken one is replaced where Django looks: between requests and between tasks."""

    features_class = DatabaseFeatures
    ops_class = DatabaseOperations
    has_lost_statements = False

    @cached_property
    def wrap_database_errors(self) -> ErrorWrapper:
        """Django's wrapper of errors, with ours in its place."""
        return ErrorWrapper(self)

    def get_new_connection(self, conn_params: dict[str, Any]) -> PatientConnection:
        """A connection that gives up on a silent server."""
        self.isolation_level = IsolationLevel.READ_COMMITTED
        self.has_lost_statements = False
        return PatientConnection.connect(**conn_params)

    def is_usable(self) -> bool:
        """False as well for a connection that has lost its prepared statements, which no `SELECT 1` would show."""
        return not self.has_lost_statements and super().is_usable()


def _fits(value: int, bits: int) -> bool:
    bound: int = 2 ** (bits - 1)
    return -bound <= value < bound
