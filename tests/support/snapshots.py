"""The tables as they were at a moment: only those that were written to since are touched to come back to it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection
from psycopg import sql

# How many rows, and the newest transaction that wrote one of them.
Looks = dict[str, tuple[int, int | None]]
# How its connection is named, for tests that ask who else is connected.
APPLICATION_NAME = "snapshot"
PLACE = ("host", "port", "dbname", "user", "password")
_WITH_PAGES = """
SELECT one.relname FROM pg_class one
    LEFT JOIN pg_inherits i ON i.inhrelid = one.oid LEFT JOIN pg_class whole ON whole.oid = i.inhparent
WHERE coalesce(whole.relname, one.relname) = ANY (%s) AND one.relkind = 'r'
    AND one.relnamespace = current_schema()::regnamespace AND pg_relation_size(one.oid) > 0
"""
# Longer than any request of a test may take.
LOCK_TIMEOUT = "60s"


@dataclass(slots=True)
class Snapshot:
    """A copy of all rows, in a schema of its own, and how each table looked.

    Everything is done on a connection of its own, which stays: PostgreSQL plans a statement about all tables once for
    each connection, and that takes longer than the statement. Whoever takes a snapshot closes it.
    """

    name: str
    link: psycopg.Connection[Any]
    looks: Looks

    @classmethod
    def take(cls, name: str) -> "Snapshot":
        """Remembers this moment, in place of an earlier one of the same name."""
        snapshot = cls(name, _connected(), {})
        tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
        snapshot.looks = snapshot._looks_of(tables)
        snapshot._run(f"DROP SCHEMA IF EXISTS {name} CASCADE", f"CREATE SCHEMA {name}")
        snapshot._run(*(_about("CREATE TABLE {copy} AS TABLE {table}", table, name) for table in tables))
        return snapshot

    def close(self) -> None:
        self.link.close()

    def put_back(self) -> None:
        """Deletes what was written since, and puts back what was deleted; no trigger runs.

        Deleted rows leave gaps, so new rows need not lie in the order in which they are inserted.
        """
        self._refresh()
        with self.link.transaction():
            self._put_back_rows()

    def put_back_without_gaps(self) -> None:
        """As `put_back`, and leaves no gaps.

        Waits for every other transaction that has used a table, as Django's own flush does.
        """
        self._refresh()
        with self.link.transaction():
            names = sql.SQL(", ").join(map(sql.Identifier, self.looks))
            self._run(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))
            touched = self._put_back_rows()
        if touched:
            # Much cheaper than TRUNCATE, which makes new files for the table, for all of its indexes, and for all
            # tables that refer to it.
            names = sql.SQL(", ").join(map(sql.Identifier, self._with_pages(touched)))
            self._run(sql.SQL("VACUUM (INDEX_CLEANUP ON, TRUNCATE ON) {}").format(names))

    def _with_pages(self, tables: list[str]) -> list[str]:
        """Returns the tables, and of those in months only the months that anything was written to."""
        return [name for (name,) in self.link.execute(_WITH_PAGES, [tables], prepare=True)] or tables

    def _put_back_rows(self) -> list[str]:
        touched = [table for table, look in self._looks_of(self.looks).items() if look != self.looks[table]]
        refilled = [table for table in touched if self.looks[table][0]]
        if touched:
            self._run("SET LOCAL session_replication_role = replica")
            self._run(*(_about("DELETE FROM {table}", table, self.name) for table in touched))
            self._run(*(_about("INSERT INTO {table} SELECT * FROM {copy}", table, self.name) for table in refilled))
            self.looks |= self._looks_of(refilled)
        return touched

    def _looks_of(self, tables: Iterable[str]) -> Looks:
        each = [_about("SELECT {word}, count(*), max(xmin::text::bigint) FROM {table}", table) for table in tables]
        if not each:
            return {}
        found = self.link.execute(sql.SQL(" UNION ALL ").join(each), prepare=True)
        return {table: (rows, newest) for table, rows, newest in found.fetchall()}

    def _run(self, *statements: str | sql.Composed) -> None:
        for statement in statements:
            self.link.execute(statement)

    def _refresh(self) -> None:
        try:
            self.link.execute("SELECT 1")
        except psycopg.OperationalError:
            # A test has ended every connection of the database.
            self.link = _connected()


def are_possible() -> bool:
    """True for a superuser: nobody else can put back rows without their triggers."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW is_superuser")
        return bool(cursor.fetchone() == ("on",))


def _connected() -> psycopg.Connection[Any]:
    given = connection.get_connection_params()
    place = {name: given[name] for name in PLACE if name in given}
    link = psycopg.connect(**place, application_name=APPLICATION_NAME, autocommit=True)
    link.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    return link


def _about(text: str, table: str, snapshot: str = "") -> sql.Composed:
    names = {"word": sql.Literal(table), "table": sql.Identifier(table), "copy": sql.Identifier(snapshot, table)}
    return sql.SQL(text).format(**names)
