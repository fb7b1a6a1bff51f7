"""What a database holds: rows and bytes of its tables and indexes, and how often each table was read as a whole.

The months of a table count as one table.
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from django.core.management import CommandError
from django.db import connection

from tests.proofs.own_database import connected_to
from tests.support import table_statistics

# A purchase has rows in these; the journal keeps its entry for a moment only.
OF_PURCHASES: Final = (
    "issuing_issuerevent", "issuing_authorization", "issuing_decision", "issuing_hold", "issuing_spendwindow",
    "wallet_fundingobligation", "wallet_fundingcharge", "outbox_message", "audit_entry",
)  # fmt: skip
LARGE_FROM: Final = 1_000
GB: Final = 10**9
SIZES: Final = """
SELECT coalesce(whole.relname, one.relname), sum(greatest(one.reltuples, 0))::bigint,
       sum(pg_table_size(one.oid))::bigint, sum(pg_indexes_size(one.oid))::bigint
FROM pg_class one LEFT JOIN pg_inherits i ON i.inhrelid = one.oid LEFT JOIN pg_class whole ON whole.oid = i.inhparent
WHERE one.relkind = 'r' AND one.relnamespace = current_schema()::regnamespace GROUP BY 1
"""
SCANS: Final = """
SELECT coalesce(whole.relname, one.relname), sum(one.seq_scan)::bigint
FROM pg_stat_user_tables one
    LEFT JOIN pg_inherits i ON i.inhrelid = one.relid LEFT JOIN pg_class whole ON whole.oid = i.inhparent
WHERE one.schemaname = current_schema() AND one.relid NOT IN (SELECT partrelid FROM pg_partitioned_table) GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Size:
    """Of one table; the rows are an estimate of ANALYZE."""

    rows: int
    table: int
    indexes: int

    @property
    def total(self) -> int:
        return self.table + self.indexes


@dataclass(frozen=True, slots=True)
class Held:
    """All tables of a database at one moment, and its scans of whole tables so far."""

    sizes: Mapping[str, Size]
    scans: Mapping[str, int]

    def scans_since(self, before: "Held") -> dict[str, int]:
        """Returns the tables of more than a thousand rows that were read as a whole since then, and how often."""
        more = {name: count - before.scans.get(name, 0) for name, count in self.scans.items()}
        return {name: count for name, count in more.items() if count and self.sizes[name].rows > LARGE_FROM}


def held_by(database: str) -> Held:
    """Returns what a database holds now, newly counted."""
    with connected_to(database), connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        table_statistics.gather()
        cursor.execute(SIZES)
        sizes = {name: Size(*numbers) for name, *numbers in cursor.fetchall()}
        cursor.execute(SCANS)
        return Held(sizes, dict(cursor.fetchall()))


def bytes_of_a_purchase(before: Held, after: Held, purchases: int) -> dict[str, tuple[float, float]]:
    """Returns by how much each table and its indexes grew for a purchase; the two moments have these between them."""

    def grown(name: str) -> tuple[float, float]:
        old, new = before.sizes[name], after.sizes[name]
        return (new.table - old.table) / max(purchases, 1), (new.indexes - old.indexes) / max(purchases, 1)

    return {name: grown(name) for name in OF_PURCHASES}


def largest(held: Held, count: int = 16) -> Iterator[tuple[str, Size]]:
    yield from sorted(held.sizes.items(), key=lambda each: -each[1].total)[:count]


def refuse_beyond(most_gb: float) -> None:
    """Raises CommandError when the database has become larger."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        (size,) = cursor.fetchone()
    if size > most_gb * GB:
        raise CommandError(f"The filled database has {size / GB:.1f} GB already, of {most_gb:g} allowed (--most-gb).")


def refuse_without_room(needed: int, *, most_gb: float) -> None:
    """Raises CommandError where the filled database would not fit on the disk, or is larger than allowed."""
    if needed > most_gb * GB:
        raise CommandError(
            f"This needs some {needed / GB:.0f} GB, of {most_gb:g} allowed. Fill less, or set --most-gb."
        )
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        (folder,) = cursor.fetchone()
    free = _free(folder)
    if free is not None and needed > free:
        raise CommandError(f"This needs some {needed / GB:.0f} GB of disk, and {free / GB:.0f} GB are free.")


def _free(folder: str) -> int | None:
    """Returns the bytes that are free on its disk; None where the server is on another machine."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
