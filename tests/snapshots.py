"""The tables as they were at a moment: only those that were written to since are touched to come back to it."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection
from django.db.transaction import atomic
from psycopg import sql

# How many rows, and the newest transaction that wrote one of them.
Looks = dict[str, tuple[int, int | None]]


@dataclass(slots=True)
class Snapshot:
    """A copy of all rows, in a schema of its own, and how each table looked."""

    name: str
    looks: Looks

    @classmethod
    def take(cls, name: str) -> "Snapshot":
        """Remembers this moment, in place of an earlier one of the same name."""
        looks = _looks(connection.introspection.django_table_names(only_existing=True, include_views=False))
        _run(f"DROP SCHEMA IF EXISTS {name} CASCADE", f"CREATE SCHEMA {name}")
        _run(*(_about("CREATE TABLE {copy} AS TABLE {table}", table, name) for table in looks))
        return cls(name, looks)

    def put_back(self) -> None:
        """Takes away what was written since, and puts back what was taken away; no trigger hears of it."""
        touched = [table for table, look in _looks(self.looks).items() if look != self.looks[table]]
        refilled = [table for table in touched if self.looks[table][0]]
        with atomic():
            _run("SET LOCAL session_replication_role = replica")
            _run(*(_about("DELETE FROM {table}", table, self.name) for table in touched))
            _run(*(_about("INSERT INTO {table} SELECT * FROM {copy}", table, self.name) for table in refilled))
        self.looks |= _looks(refilled)


def _looks(tables: Iterable[str]) -> Looks:
    each = [_about("SELECT {word}, count(*), max(xmin::text::bigint) FROM {table}", table) for table in tables]
    if not each:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(" UNION ALL ").join(each))
        return {table: (rows, newest) for table, rows, newest in cursor.fetchall()}


def _about(text: str, table: str, snapshot: str = "") -> sql.Composed:
    names = {"word": sql.Literal(table), "table": sql.Identifier(table), "copy": sql.Identifier(snapshot, table)}
    return sql.SQL(text).format(**names)


def _run(*statements: str | sql.Composed) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
