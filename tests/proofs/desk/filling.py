"""A database with very many purchases: made once by the server itself, and kept for the next run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, Final

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from tests.proofs.desk import rows
from tests.proofs.desk.table import Table
from tests.query_plans.filled_tables import COLUMNS, default_values
from tests.query_plans.row_numbers import KEYS, MONTHS
from tests.support import table_statistics
from wallet.ledger import balances

Progress = Callable[[str, int], None]
# Rows of one statement: some seconds, so that the progress moves.
AT_ONCE: Final = 100_000


@contextmanager
def filled_database(purchases: int, *, anew: bool, progress: Progress) -> Iterator[str]:
    """Connects this process to a database with so many purchases, and gives its name.

    It is kept. A later run uses it again, with the migrations and tables that came since, unless what it should hold
    has changed or `anew` is asked.
    """
    before = connection.settings_dict["NAME"]
    name = f"onecard_desk_{purchases}"
    if anew or _kept(name) != _recipe(purchases):
        _make(name)
    _connect(name)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
        call_command("migrate", verbosity=0, interactive=False)
        for table in fill(purchases, progress):
            progress(f"VACUUM {table}", 0)
            with connection.cursor() as cursor:
                cursor.execute(f"VACUUM {table}")
        # What workers keep up for these pages.
        progress("sums of the ledger", 0)
        balances.keep_sums()
        connection.close()
        _keep(name, _recipe(purchases))
        yield name
    finally:
        _connect(before)


def _recipe(purchases: int) -> str:
    """Returns a name for all that the database holds."""
    return sha256(repr(list(rows.tables(purchases))).encode()).hexdigest()


def _kept(name: str) -> str | None:
    """Returns what a database was filled by, or None where there is none or its filling did not end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [name])
        found = cursor.fetchone()
        return found[0] if found else None


def _make(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _keep(name: str, recipe: str) -> None:
    with connection.cursor() as cursor:
        comment = sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(recipe))
        cursor.execute(comment)


def _connect(name: str) -> None:
    connection.close()
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name


def fill(purchases: int, progress: Progress) -> list[str]:
    """Fills every table that is empty, at first all, later those that a migration brought; returns their names.

    What is set for the session holds until its connection is closed.
    """
    wanted: dict[str, list[Table]] = {}
    for table in rows.tables(purchases):
        wanted.setdefault(table.name, []).append(table)
    for name, (count, columns) in COLUMNS.items():
        wanted.setdefault(name, [Table(name, min(count, purchases // 30), columns)])
    with connection.cursor() as cursor:
        cursor.execute(MONTHS.format(days=rows.DAYS + 1))
        # Rows belong together by their numbers, so nothing is checked; only a superuser may say so.
        cursor.execute("SET session_replication_role = replica; SET statement_timeout = 0")
        filled = [name for name, parts in wanted.items() if _fill_table(cursor, name, parts, progress)]
        # All of them: indexes of words have statistics of their own, which a migration does not gather.
        progress("ANALYZE", 0)
        table_statistics.gather()
    return filled


def _fill_table(cursor: Any, name: str, parts: list[Table], progress: Progress) -> bool:
    cursor.execute(f"SELECT EXISTS (SELECT FROM {name})")
    if cursor.fetchone() == (True,):
        return False
    for part in parts:
        values = default_values(name) | part.columns
        statement = (
            f"INSERT INTO {name} ({KEYS.get(name, 'id')}, {', '.join(values)}) OVERRIDING SYSTEM VALUE "
            f"SELECT {part.id}, {', '.join(values.values())} FROM generate_series(%s::int, %s::int) AS n "
            f"WHERE {part.where}"
        )
        for first in range(1, part.rows + 1, AT_ONCE):
            last = min(part.rows, first + AT_ONCE - 1)
            cursor.execute(statement, [first, last])
            progress(name, last - first + 1)
    key = KEYS.get(name, "id")
    cursor.execute(f"SELECT setval(pg_get_serial_sequence('{name}', '{key}'), max({key})) FROM {name}")
    return True
