"""How many rows a table or a selection has, without counting a long table."""

import json
import time
from typing import Any, Final

from django.db import connection
from django.db.models import Model, QuerySet

# From here on a table is long: it is paged by key, sorted by its indexes, and not counted.
LONG_FROM: Final = 10_000
# A selection that PostgreSQL would read with less than this cost (its own unit, about a page of the disk) is counted.
COUNTED_BELOW_COST: Final = 5_000
_ASK_AGAIN_AFTER_S: Final = 60
# Of a table in partitions, the statistics of each count: PostgreSQL makes none of the whole by itself.
_ROWS: Final = """
SELECT coalesce(sum(greatest(reltuples, 0)), 0) FROM pg_class WHERE relkind = 'r' AND (
    oid = to_regclass(%(table)s) OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass(%(table)s)))
"""

_known: dict[str, tuple[float, int]] = {}


def rows_about(model: type[Model]) -> int:
    """Returns about how many rows a table has, as PostgreSQL's statistics say; 0 for one without statistics yet.

    Each process asks once a minute.
    """
    table = model._meta.db_table
    asked_at, rows = _known.get(table, (0.0, 0))
    if table not in _known or time.monotonic() - asked_at > _ASK_AGAIN_AFTER_S:
        with connection.cursor() as cursor:
            cursor.execute(_ROWS, {"table": table})
            found = cursor.fetchone()
        rows = int(found[0]) if found else 0
        _known[table] = time.monotonic(), rows
    return rows


def is_long(model: type[Model]) -> bool:
    """Returns whether a table is too long to be counted, sorted or searched as a whole while somebody waits."""
    return rows_about(model) >= LONG_FROM


def count_or_estimate(rows: QuerySet[Any]) -> tuple[int, bool]:
    """Returns how many rows a selection has, and whether that is only PostgreSQL's estimate.

    What is quickly counted is counted.
    """
    plain = rows.order_by().values("pk")
    cost, expected = expectation(plain)
    return (plain.count(), False) if cost < COUNTED_BELOW_COST else (expected, True)


def expectation(rows: QuerySet[Any]) -> tuple[float, int]:
    """Returns what reading a selection costs by PostgreSQL's estimate (its own unit), and how many rows it expects."""
    plan = rows.explain(format="json")
    if not plan:  # Django asks nothing where nothing can match.
        return 0, 0
    (answer,) = json.loads(plan)
    return float(answer["Plan"]["Total Cost"]), int(answer["Plan"]["Plan Rows"])


def forget() -> None:
    """Forgets what was asked; for tests."""
    _known.clear()


def key_at(model: type[Model], column: str, moment: Any) -> int | None:
    """Returns from which key on the rows are not earlier than a moment, in a table whose keys rise with this column.

    It asks about 25 rows by their keys, and reads no more. Returns None for an empty table.
    """
    manager: Any = model._meta.default_manager
    rows = manager.order_by("pk").values_list("pk", column)
    newest = rows.last()
    if newest is None:
        return None
    low, high = rows.first()[0], newest[0] + 1
    while low < high:
        middle = (low + high) // 2
        key, at = rows.filter(pk__gte=middle).first()
        low, high = (key + 1, high) if at < moment else (low, middle)
    return int(low)
