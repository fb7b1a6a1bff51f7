"""Stores the other side's list in a table of this session, so that it can be compared with ours.

Issuers and processors list the newest first, page by page. The table is temporary: it needs one connection of its own
from the first page to the last row read, and disappears with it.
"""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import connection

from issuing.reconcile.compare import Row

BATCH = 5000
# A page's content is foreign; an amount beyond the column's range still differs from every one of ours.
MOST = 2**62
CREATE = """
CREATE TEMPORARY TABLE reconcile_theirs (
    key text COLLATE "C", amount_minor bigint, currency text, state text, reference text, at_s bigint, is_due boolean,
    detail text
)
"""
COPY = "COPY reconcile_theirs FROM STDIN"
# A list that grows while it is read shows some rows twice: two equal rows count once.
LISTED = "SELECT DISTINCT key, amount_minor, currency, state, reference, at_s, is_due FROM reconcile_theirs"
ENCODE = json.JSONEncoder(default=str).encode
DETAIL = "SELECT detail FROM reconcile_theirs WHERE key = %s AND reference = %s LIMIT 1"


class Listed(NamedTuple):
    """A row of the other side, with the details for a repair."""

    row: Row
    detail: tuple[Any, ...]


@contextmanager
def staged(rows: Iterable[Listed], tick: Callable[[int], object]) -> Iterator[None]:
    """Keeps the other side's whole list for the length of a `with` block; an error of `rows` leaves nothing behind."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS reconcile_theirs")
        cursor.execute(CREATE)
    try:
        source = iter(rows)
        # A batch is complete before it is written, so no statement is open while the next page is requested.
        while batch := list(itertools.islice(source, BATCH)):
            _write(batch)
            tick(len(batch))
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS reconcile_theirs")


def detail_of(row: Row) -> list[Any]:
    """Returns the details of a row in the other side's list, in the order given; times are ISO 8601."""
    with connection.cursor() as cursor:
        # Only a repair needs the index, so the first one creates it.
        cursor.execute("CREATE INDEX IF NOT EXISTS reconcile_theirs_key ON reconcile_theirs (key)")
        cursor.execute(DETAIL, [row.key, row.reference])
        return list(json.loads(cursor.fetchone()[0]))


def _write(batch: list[Listed]) -> None:
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for row, detail in batch:
            amount = max(-MOST, min(MOST, row.amount_minor))
            copy.write_row((row.key, amount, *row[2:], ENCODE(detail)))
