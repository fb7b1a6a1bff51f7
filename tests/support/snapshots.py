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
        """Deletes what was written since, and puts back what was deleted; no trigger runs.

        The quickest way. Deleted rows leave gaps, so new rows need not lie in the order in which they are inserted.
        """
        with atomic():
            touched = self._touched()
            _run("SET LOCAL session_replication_role = replica")
            _run(*(_about("DELETE FROM {table}", table, self.name) for table in touched))
            refilled = self._refill(touched)
        self.looks |= _looks(refilled)

    def put_back_without_gaps(self) -> None:
        """As `put_back`, and leaves no gaps: truncates what was written to, with all tables that refer to it.

        Waits for every other transaction that has used a table, as Django's own flush does.
        """
        with atomic():
            names = sql.SQL(", ").join(map(sql.Identifier, self.looks))
            _run(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))
            emptied = _with_referring(self._touched())
            if emptied:
                _run(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(map(sql.Identifier, emptied))))
                _run("SET LOCAL session_replication_role = replica")
            refilled = self._refill(emptied)
        self.looks |= _looks(refilled)

    def _touched(self) -> list[str]:
        return [table for table, look in _looks(self.looks).items() if look != self.looks[table]]

    def _refill(self, emptied: Iterable[str]) -> list[str]:
        refilled = [table for table in emptied if self.looks[table][0]]
        _run(*(_about("INSERT INTO {table} SELECT * FROM {copy}", table, self.name) for table in refilled))
        return refilled


def are_possible() -> bool:
    """True for a superuser: nobody else can put back rows without their triggers."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW is_superuser")
        return bool(cursor.fetchone() == ("on",))


def _with_referring(tables: list[str]) -> list[str]:
    # PostgreSQL truncates a table only together with those whose foreign keys point at it.
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE emptied (id) AS (
                SELECT to_regclass(quote_ident(name))::oid FROM unnest(%s::text[]) AS name
                UNION
                SELECT conrelid FROM emptied JOIN pg_constraint ON confrelid = id AND contype = 'f'
            )
            SELECT relname FROM emptied JOIN pg_class ON pg_class.oid = id
            """,
            [tables],
        )
        return [name for (name,) in cursor.fetchall()]


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
