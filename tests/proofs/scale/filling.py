"""Fills tables quickly: rows by the server itself, without triggers, and each index made once all rows are there."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from django.db import connection

from tests.proofs.scale.purchases import DAYS
from tests.proofs.scale.table import Table
from tests.query_plans.filled_tables import default_values
from tests.query_plans.row_numbers import MONTHS
from tests.support import table_statistics

Progress = Callable[[str, int], None]
INDEXES = """
SELECT quote_ident(c.conname), i.indexrelid::regclass::text, pg_get_constraintdef(c.oid),
       replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ')
FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid
WHERE i.indrelid = %s::regclass AND NOT i.indisprimary ORDER BY i.indexrelid
"""


def fill(tables: Iterable[Table], progress: Progress) -> Iterator[str]:
    """Fills the tables in turn and yields the name of each.

    The rows belong together by their numbers, so keys of other tables are not looked up, and nothing counts them. The
    settings hold until the connection is closed.
    """
    with connection.cursor() as cursor:
        cursor.execute(MONTHS.format(days=DAYS + 31))
        cursor.execute("SET session_replication_role = replica; SET statement_timeout = 0; SET lock_timeout = 0")
        cursor.execute("SET synchronous_commit = off; SET maintenance_work_mem = '1GB'; SET work_mem = '256MB'")
        for name, parts in groupby(tables, key=lambda table: table.name):
            with _indexes_made_afterwards(cursor, name, progress):
                for part in parts:
                    _insert(cursor, part, progress)
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}")
            yield name


def clean_up(names: Iterable[str], progress: Progress) -> None:
    """Cleans up and writes all to disk, so that the server does not begin with it in a measurement."""
    with connection.cursor() as cursor:
        for name in names:
            progress(f"VACUUM {name}", 0)
            cursor.execute(f"VACUUM (ANALYZE) {name}")
        table_statistics.gather()
        cursor.execute("CHECKPOINT")


def _insert(cursor: Any, table: Table, progress: Progress) -> None:
    columns = default_values(table.name) | table.columns
    statement = (
        f"INSERT INTO {table.name} ({', '.join(columns)}) OVERRIDING SYSTEM VALUE "
        f"SELECT {', '.join(columns.values())} FROM {table.source} WHERE {table.where}"
    )
    for first, last in table.ranges:
        cursor.execute(statement, [first, last])
        progress(table.name, last - first + 1)


@contextmanager
def _indexes_made_afterwards(cursor: Any, table: str, progress: Progress) -> Iterator[None]:
    cursor.execute(INDEXES, [table])
    found = cursor.fetchall()
    for constraint, index, _, _ in found:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}" if constraint else f"DROP INDEX {index}")
    yield
    for constraint, index, as_constraint, as_index in found:
        progress(f"{table}: {constraint or index}", 0)
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {constraint} {as_constraint}" if constraint else as_index)
