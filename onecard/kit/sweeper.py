"""The loop of every sweeper: each row by itself, so that one row cannot hold up the others.

A sweep ends after a while and leaves the rest to the next one. Messages of the queue wait behind it, and a worker of
one process answers nobody meanwhile.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from celery.exceptions import SoftTimeLimitExceeded

from onecard.kit import log_context

log = logging.getLogger(__name__)

Row = TypeVar("Row")

WORK_S: Final = 10.0


def each_in_turn(ids: Sequence[int], handle: Callable[[int], object], *, what: str, work_s: float = WORK_S) -> int:
    """Calls the action for one row after the other and returns how many rows it came to: the first ones of `ids`.

    After `work_s` seconds it begins no further row; it comes to one at least. A row that fails is logged and comes
    again with the next sweep. `what` names a row in the log. Raises SoftTimeLimitExceeded when the task's time is over.
    """
    done = 0
    for row_id in for_a_while(ids, work_s=work_s):
        with log_context.scope():
            try:
                handle(row_id)
            except SoftTimeLimitExceeded:
                raise
            except Exception:
                log.exception("%s %s failed and waits for the next sweep", what, row_id)
        done += 1
    if done < len(ids):
        log.info("%s: %s rows are left to the next sweep", what, len(ids) - done)
    return done


def for_a_while(rows: Iterable[Row], *, work_s: float = WORK_S) -> Iterator[Row]:
    """Yields one row after the other, and no further one after `work_s` seconds; the first one in any case."""
    end = time.monotonic() + work_s
    for row in rows:
        yield row
        if time.monotonic() >= end:
            return
