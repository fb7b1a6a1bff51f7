"""Django's PostgreSQL backend, made fit for this product: for bound parameters, for silence, for lost statements.

Parameters are bound by the server (docs/decisions/0024). A statement then holds `MOST_PARAMETERS` of them, so that what
is written in bulk is sent in batches. And Django takes a number whose field it does not know, as in `Value(10**13)` or
`F("amount_minor") + 10**13`, for one of 32 bits; psycopg would drop, without a word, what is beyond, so that a number
which is too large for its parameter is sent whole. How a broken connection is found: docs/decisions/0032.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from django.db import OperationalError as DjangoOperationalError
from django.db.backends.postgresql import base, features, operations
from django.db.utils import DatabaseErrorWrapper
from django.utils.functional import cached_property
from psycopg import IsolationLevel, OperationalError, errors

from onecard.kit.postgresql.time_limits import TimeLimitedConnection

BITS = {"Small": 16, "PositiveSmall": 16, "": 32, "Positive": 32, "Big": 64, "PositiveBig": 64}
# PostgreSQL's protocol counts a statement's parameters in 16 bits (its manual, "Message Formats", Bind).
MOST_PARAMETERS = 2**16 - 1
# PgBouncer's message for a parameter that it does not pass on.
REFUSED_PARAMETER = "unsupported startup parameter"
# Of each transaction behind a pooler: as in the settings' start-up options (money-safety T14). No query may come first
# where a transaction sets its isolation level, and these are none.
LIMITS = (
    "SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '60s'; "
    "SET LOCAL idle_in_transaction_session_timeout = '60s'"
)
# Statements that psycopg believes prepared are not, or the reverse: a pooler or DISCARD ALL came in between.
LOST_STATEMENT = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)
# After a failover a connection may still lead to the old server, which now only reads. A new one finds the other.
READS_ONLY = errors.ReadOnlySqlTransaction


class NotDoneError(DjangoOperationalError):
    """The server has certainly done nothing of the statement."""


class NotConnectedError(NotDoneError):
    """No connection was made, so nothing was sent to the server."""


class DatabaseOperations(operations.DatabaseOperations):
    """Limits a statement to the parameters that it can hold, and cuts no number off."""

    def bulk_batch_size(self, fields: Sequence[object], objs: Sequence[object]) -> int:
        """Returns how many objects, each with a parameter per field, one statement can hold."""
        return min(len(objs), MOST_PARAMETERS // max(len(fields), 1))

    def adapt_integerfield_value(self, value: object, internal_type: str) -> object:
        """Gives a number its parameter's type where it fits; psycopg chooses one that holds the others.

        A column that is too narrow for the number then refuses it with an error, as it should.
        """
        if isinstance(value, int) and not _fits(value, BITS[internal_type.removesuffix("IntegerField")]):
            return int(value)
        return super().adapt_integerfield_value(value, internal_type)


class DatabaseFeatures(features.DatabaseFeatures):
    """What Django may rely on."""

    max_query_params = MOST_PARAMETERS


class ErrorWrapper(DatabaseErrorWrapper):
    """Also notes when an error shows that the connection is not in the state that psycopg assumes."""

    wrapper: "DatabaseWrapper"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, (*LOST_STATEMENT, READS_ONLY)):
            self.wrapper.is_outdated = True
        super().__exit__(kind, error, trace)


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection to PostgreSQL. A broken one is replaced where Django looks: between requests and between tasks.

    Behind a pooler that gives a session to whoever has a transaction, nothing is left in a session: our settings go
    into each transaction, nothing is prepared, and no cursor outlives its transaction.
    """

    features_class = DatabaseFeatures
    ops_class = DatabaseOperations
    is_outdated = False
    is_pooled = False
    _may_be_pooled = False

    @cached_property
    def wrap_database_errors(self) -> ErrorWrapper:
        """Returns our error wrapper in the place of Django's."""
        return ErrorWrapper(self)

    def get_connection_params(self) -> dict[str, Any]:
        """Returns Django's parameters, changed for a pooler if there is one."""
        params = super().get_connection_params()
        pooler = params.pop("pooler", "auto")
        self.is_pooled = pooler == "transaction" or (pooler == "auto" and self._place in pooled_places)
        self._may_be_pooled = pooler == "auto"
        return _for_pooler(params) if self.is_pooled else params

    def get_new_connection(self, conn_params: dict[str, Any]) -> TimeLimitedConnection:
        """Opens a connection that gives up on a silent server, and finds out whether a pooler keeps our settings.

        PgBouncer refuses the start-up parameter that carries them, unless it is set to ignore it.
        """
        self.isolation_level = IsolationLevel.READ_COMMITTED
        self.is_outdated = False
        try:
            raw = TimeLimitedConnection.connect(**conn_params)
        except OperationalError as error:
            if not self._may_be_pooled or self.is_pooled or REFUSED_PARAMETER not in str(error):
                raise
        else:
            if not self._may_be_pooled or self.is_pooled or _keeps_settings(raw):
                return raw
            raw.close()
        pooled_places.add(self._place)
        self.is_pooled = True
        return TimeLimitedConnection.connect(**_for_pooler(conn_params))

    def _set_autocommit(self, autocommit: bool) -> None:  # noqa: FBT001  (Django's own signature)
        """As Django's; a transaction behind a pooler begins with the limits that a session of ours has."""
        super()._set_autocommit(autocommit)  # type: ignore[misc]
        if not autocommit and self.is_pooled:
            with self.wrap_database_errors:
                self.connection.execute(LIMITS)

    def chunked_cursor(self) -> Any:
        """Returns a cursor in the server, or behind a pooler one that reads all at once: the server's would be lost."""
        self.ensure_connection()
        return self.cursor() if self.is_pooled else super().chunked_cursor()

    @property
    def _place(self) -> tuple[str, str]:
        return str(self.settings_dict["HOST"]), str(self.settings_dict["PORT"])

    def is_usable(self) -> bool:
        """Returns False also when the session lost its statements or the server only reads; `SELECT 1` works there."""
        return not self.is_outdated and super().is_usable()


def _for_pooler(params: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in params.items() if name != "options"}
    return kept | {"prepare_threshold": None}


def _keeps_settings(raw: TimeLimitedConnection) -> bool:
    """Returns False when the start-up parameter with our limits was dropped; the database has no limit by default."""
    raw.autocommit = True
    row = raw.execute("SELECT current_setting('lock_timeout')").fetchone()
    return row is not None and row[0] != "0"


# Poolers that this process has found, by host and port: the next connection need not find out again.
pooled_places: set[tuple[str, str]] = set()


def _fits(value: int, bits: int) -> bool:
    bound: int = 2 ** (bits - 1)
    return -bound <= value < bound
