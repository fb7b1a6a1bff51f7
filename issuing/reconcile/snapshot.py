"""Reads long queries as of one moment, part by part, while the rest of the program goes on writing."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from django.db import connection

from issuing.reconcile.compare import Row
from onecard.kit.transactions import require_no_transaction, transaction

BATCH = 5000
_numbers = itertools.count()
# For the server's sorts. The time limit fits a query of millions of rows; it holds no lock that others need.
SETTINGS = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET LOCAL work_mem = '64MB'",
    "SET LOCAL statement_timeout = '20min'",
)


# Rows that agree, once on each side, never leave the database, nor do rows without need of a partner; that is most of
# them. issuing/reconcile/compare.py judges everything else.
IN_DOUBT = """
CREATE TEMPORARY TABLE reconcile_in_doubt AS
WITH here (key, amount_minor, currency, state, reference, at_s, is_due) AS MATERIALIZED ({here}),
there (key, amount_minor, currency, state, reference, at_s, is_due) AS MATERIALIZED ({there}),
doubtful AS (
    SELECT key FROM (
        SELECT true AS is_ours, key COLLATE "C" AS key, amount_minor, currency, state, is_due FROM here
        UNION ALL SELECT false, key COLLATE "C", amount_minor, currency, state, is_due FROM there
    ) both_sides
    GROUP BY key
    HAVING bool_or(is_due) AND (count(*) <> 2 OR count(*) FILTER (WHERE is_ours) <> 1 OR bool_or(state = 'unknown')
        OR min(amount_minor) <> max(amount_minor) OR min(currency COLLATE "C") <> max(currency COLLATE "C")
        OR min(state COLLATE "C") <> max(state COLLATE "C"))
)
SELECT true AS is_ours, here.* FROM here JOIN doubtful ON doubtful.key = here.key COLLATE "C"
UNION ALL SELECT false, there.* FROM there JOIN doubtful ON doubtful.key = there.key COLLATE "C"
"""
OF_A_SIDE = """
SELECT key, amount_minor, currency, state, reference, at_s, is_due FROM reconcile_in_doubt WHERE is_ours = %(is_ours)s
ORDER BY key COLLATE "C", is_due DESC, at_s, reference, amount_minor, currency, state
"""


class Query(NamedTuple):
    """A statement that returns the columns of Row."""

    sql: str
    parameters: Mapping[str, Any]


@contextmanager
def read(*queries: Query, tick: Callable[[int], object]) -> Iterator[tuple[Iterator[Row], ...]]:
    """Yields the rows of each query, all as of one moment; the server keeps them, and no transaction stays open.

    Raises TransactionError in a transaction: its beginning would be the moment.
    """
    require_no_transaction("A comparison")
    with ExitStack() as stack:
        with transaction():
            _prepare()
            cursors = [_declare(query, stack) for query in queries]
        # The commit stored the results at the server: they stay readable, and see nothing newer.
        yield tuple(_rows(cursor, tick) for cursor in cursors)


@contextmanager
def read_doubtful(here: Query, there: Query, *, tick: Callable[[int], object]) -> Iterator[tuple[Iterator[Row], ...]]:
    """Yields, sorted by key and as of one moment, the rows of two sides that do not agree. Raises as `read`."""
    require_no_transaction("A comparison")
    with ExitStack() as stack:
        with transaction():
            _prepare()
            _put_in_doubt(here, there)
            sides = [Query(OF_A_SIDE, {"is_ours": is_ours}) for is_ours in (True, False)]
            cursors = [_declare(side, stack) for side in sides]
        _forget()
        yield tuple(_rows(cursor, tick) for cursor in cursors)


def _put_in_doubt(here: Query, there: Query) -> None:
    with connection.cursor() as cursor:
        # The two statements are constants of this package; what varies are their parameters.
        cursor.execute(IN_DOUBT.format(here=here.sql, there=there.sql), {**here.parameters, **there.parameters})


def _forget() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE reconcile_in_doubt")


def _prepare() -> None:
    with connection.cursor() as cursor:
        for setting in SETTINGS:
            cursor.execute(setting)


def _declare(query: Query, stack: ExitStack) -> Any:
    held = stack.enter_context(connection.connection.cursor(f"reconcile_{next(_numbers)}", withhold=True))
    held.execute(query.sql, dict(query.parameters))
    return held


def _rows(cursor: Any, tick: Callable[[int], object]) -> Iterator[Row]:
    while batch := cursor.fetchmany(BATCH):
        tick(len(batch))
        yield from map(Row._make, batch)
