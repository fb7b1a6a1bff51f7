"""Counts the rows of long tables block by block, into totals that only grow (docs/decisions/0052).

A table is counted in blocks of rows with neighbouring ids. The newest block is looked at in each run; a full one when
it is three times as old as the last time, since rows change after they were written and some are committed late. A
block that changed is counted again: what is more than before is added to the totals in the same transaction, and what
is less changes nothing.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connection
from django.db.models import QuerySet

from onecard.kit import clock
from onecard.kit.durations import BEYOND, BOUNDS_S, SUM_US
from onecard.kit.transactions import transaction, try_lock_name
from onecard.metrics.models import CountedBlock, CountedTotal

# A block is full with this many ids. What came between two runs is one block, up to the second number.
FULL_FROM, MOST_IDS = 1_000, 20_000
# Of one table in one run; a worker that was away for long catches up in several.
MOST_BLOCKS: Final = 50
AGAIN_AFTER: Final = dt.timedelta(seconds=15)
# Older rows are not looked at again.
KEPT_UP_TO_DATE: Final = dt.timedelta(days=14)
NO_END: Final = 2**63 - 1

_STATE: Final = """
SELECT concat_ws(' ', {state}) FROM {table} WHERE id >= %(first)s AND id < %(end)s
"""
_COUNT: Final = """
WITH observed (series, seconds) AS ({observations})
SELECT CASE WHEN seconds IS NULL THEN series ELSE series || '|' || coalesce(
        (%(bounds)s::float8[])[1 + width_bucket(seconds - 1e-9, %(bounds)s::float8[])]::text, %(beyond)s) END,
    count(*)
FROM observed GROUP BY 1
UNION ALL
SELECT series || '|' || %(sum)s, sum(round(seconds * 1000000))::bigint
FROM observed WHERE seconds IS NOT NULL GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Source:
    """A table to count. `observations` selects (series, seconds) of the rows with `%(first)s <= id < %(end)s`.

    A series is a metric's name and its labels, joined by |. `seconds` is NULL for what is only counted. `state` are
    aggregates, separated by commas, of which one changes with each change that is to be counted.
    """

    name: str
    rows: QuerySet[Any]
    state: str
    observations: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


def count(sources: Iterable[Source]) -> None:
    """Counts what is due of each table, one transaction for each block; nothing while another worker counts."""
    for source in sources:
        for block_pk in _due_blocks(source):
            _count_block(source, block_pk)


def totals_of(source: Source) -> dict[str, int]:
    """Returns the totals by series and bucket; {} before the first count."""
    return CountedTotal.objects.filter(source=source.name).values_list("counts", flat=True).first() or {}


def _due_blocks(source: Source) -> list[int]:
    """Closes the newest block as often as it is full, and returns the blocks to count, the oldest first."""
    with transaction():
        if not try_lock_name(_lock_of(source)):
            return []
        newest_id = _newest_id(source)
        if not CountedTotal.objects.filter(source=source.name).exists():
            _begin(source, newest_id)
        for _ in range(MOST_BLOCKS):
            if not _close_if_full(source, newest_id):
                break
        due = CountedBlock.objects.filter(source=source.name, due_at__lte=clock.now())
        return list(due.order_by("due_at").values_list("pk", flat=True)[: 2 * MOST_BLOCKS])


def _begin(source: Source, newest_id: int) -> None:
    """Begins a table after its newest row, since many older rows would look like a sudden growth; a new one at 1."""
    _open_block(source, 1 if newest_id < FULL_FROM else newest_id + 1)
    CountedTotal.objects.create(source=source.name, counts={}, counted_at=clock.now())


def _close_if_full(source: Source, newest_id: int) -> bool:
    block = CountedBlock.objects.get(source=source.name, end_id=None)
    if newest_id - block.first_id + 1 < FULL_FROM:
        return False
    end_id = min(newest_id + 1, block.first_id + MOST_IDS)
    CountedBlock.objects.filter(pk=block.pk).update(end_id=end_id, full_at=clock.now())
    following = source.rows.filter(pk__gte=end_id).order_by("pk").values_list("pk", flat=True).first()
    _open_block(source, following or end_id)
    return True


def _count_block(source: Source, block_pk: int) -> None:
    with transaction():
        if not try_lock_name(_lock_of(source)):
            return
        block = CountedBlock.objects.get(pk=block_pk)
        state = _state(source, block)
        if state != block.state:
            block.state = state
            _add_what_is_more(source, block)
        CountedTotal.objects.filter(source=source.name).update(counted_at=clock.now())
        _keep(block)


def _add_what_is_more(source: Source, block: CountedBlock) -> None:
    total = CountedTotal.objects.get(source=source.name)
    for series, found in _counts(source, block).items():
        more = found - block.counts.get(series, 0)
        if more > 0:
            block.counts[series] = found
            total.counts[series] = total.counts.get(series, 0) + more
    total.save()


def _keep(block: CountedBlock) -> None:
    """Keeps what was counted until the block is due again, or deletes a block after its last count."""
    now = clock.now()
    block.due_at = now
    if block.full_at is not None:
        age = now - block.full_at
        if age >= KEPT_UP_TO_DATE:
            block.delete()
            return
        block.due_at = min(now + max(2 * age, AGAIN_AFTER), block.full_at + KEPT_UP_TO_DATE)
    block.save()


def _state(source: Source, block: CountedBlock) -> str:
    """Returns what the rows of a block look like; much cheaper than to count them, and mostly the same as before."""
    statement = _STATE.format(state=source.state, table=source.rows.model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(statement, {**source.parameters, **_span(block)})
        return str(cursor.fetchone()[0])


def _counts(source: Source, block: CountedBlock) -> dict[str, int]:
    words: dict[str, Any] = {"bounds": list(BOUNDS_S), "beyond": BEYOND, "sum": SUM_US}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT.format(observations=source.observations), {**source.parameters, **words, **_span(block)})
        return dict(cursor.fetchall())


def _span(block: CountedBlock) -> dict[str, Any]:
    return {"first": block.first_id, "end": block.end_id or NO_END}


def _open_block(source: Source, first_id: int) -> None:
    CountedBlock.objects.create(source=source.name, first_id=first_id, counts={}, due_at=clock.now())


def _newest_id(source: Source) -> int:
    return source.rows.order_by("-pk").values_list("pk", flat=True).first() or 0


def _lock_of(source: Source) -> str:
    return f"onecard.metrics:{source.name}"
