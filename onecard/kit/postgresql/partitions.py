"""Tables that have a partition for each month: which there are, and how new months are added (docs/decisions/0051)."""

import datetime as dt
import logging
from dataclasses import dataclass
from typing import Final, Self

from django.db import DatabaseError, connection
from psycopg import sql

from onecard.kit import clock
from onecard.kit.transactions import transaction

log = logging.getLogger(__name__)

# So many months ahead are made, so that no row has to wait for its month.
AHEAD: Final = 2
_TABLES: Final = """
SELECT c.relname, a.attname FROM pg_partitioned_table t JOIN pg_class c ON c.oid = t.partrelid
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = t.partattrs[0]
WHERE c.relnamespace = current_schema()::regnamespace AND t.partdefid <> 0 ORDER BY c.relname
"""
_LATE: Final = sql.SQL("SELECT count(*) FROM (SELECT FROM {partition} LIMIT {most}) late")
_ENDS: Final = sql.SQL("SELECT min({column}), max({column}) FROM {partition}")
_PARTITIONS: Final = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = to_regclass(%s) ORDER BY c.relname
"""


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of the calendar in UTC, as partitions have it."""

    year: int
    month: int

    @classmethod
    def of(cls, day: dt.date) -> Self:
        return cls(day.year, day.month)

    @classmethod
    def read(cls, text: str) -> Self:
        """Reads a month such as 2026-11; raises ValueError."""
        return cls.of(dt.datetime.strptime(text, "%Y-%m").replace(tzinfo=dt.UTC))

    def plus(self, months: int) -> "Month":
        years, month = divmod(self.month - 1 + months, 12)
        return Month(self.year + years, month + 1)

    @property
    def first_day(self) -> dt.date:
        return dt.date(self.year, self.month, 1)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"


@dataclass(frozen=True, slots=True)
class MonthlyTable:
    """A table in partitions of a month by one column."""

    name: str
    column: str

    @property
    def default(self) -> str:
        """The partition of rows whose month nobody has made."""
        return f"{self.name}_default"

    def partition_of(self, month: Month) -> str:
        return f"{self.name}_{month.year:04}_{month.month:02}"

    def months(self) -> list[Month]:
        """Returns the months that have a partition, the oldest first."""
        with connection.cursor() as cursor:
            cursor.execute(_PARTITIONS, [self.name])
            names = [name for (name,) in cursor.fetchall() if name != self.default]
        return sorted(Month.read(name.removeprefix(f"{self.name}_").replace("_", "-")) for name in names)


def tables() -> list[MonthlyTable]:
    """Returns all tables in partitions of a month."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        return [MonthlyTable(name, column) for name, column in cursor.fetchall()]


def add_all_months() -> None:
    """Adds the months that any table needs; a table that fails is logged, and holds up no other."""
    for table in tables():
        try:
            with transaction():
                add_months(table)
        except DatabaseError:
            log.exception("months of %s could not be added; the next run tries again", table.name)


def add_months(table: MonthlyTable) -> int:
    """Makes the months that are missing from now on, and those of rows that came too early for theirs.

    Returns how many it made. Safe repeated and concurrently.
    """
    this_month = Month.of(clock.now().astimezone(dt.UTC))
    first, last = waiting_months(table) or (this_month, this_month)
    # A wrong clock must not make thousands of months.
    until = min(max(last, this_month.plus(AHEAD)), this_month.plus(12))
    since = max(min(first, this_month), this_month.plus(-120))
    with connection.cursor() as cursor:
        cursor.execute("SELECT onecard_add_partitions(%s, %s, %s)", [table.name, since.first_day, until.first_day])
        return int(cursor.fetchone()[0])


def waiting_months(table: MonthlyTable) -> tuple[Month, Month] | None:
    """Returns the first and the last month of the rows in the default partition, or None if it is empty."""
    with connection.cursor() as cursor:
        names = {"column": sql.Identifier(table.column), "partition": sql.Identifier(table.default)}
        cursor.execute(_ENDS.format(**names))
        first, last = cursor.fetchone()
    return (Month.of(first.astimezone(dt.UTC)), Month.of(last.astimezone(dt.UTC))) if first else None


def rows_without_month(table: MonthlyTable, *, most: int = 10_000) -> int:
    """Returns how many rows came before their month was made and lie in the default partition; counts to `most`."""
    with connection.cursor() as cursor:
        cursor.execute(_LATE.format(partition=sql.Identifier(table.default), most=sql.Literal(most)))
        return int(cursor.fetchone()[0])
