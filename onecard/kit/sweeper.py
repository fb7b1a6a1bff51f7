"""The loop of every sweeper: each row by itself, so that one row cannot hold up the others."""

import logging
from collections.abc import Callable, Sequence

from celery.exceptions import SoftTimeLimitExceeded

from onecard.kit import log_context

log = logging.getLogger(__name__)


def each_in_turn(ids: Sequence[int], handle: Callable[[int], object], *, what: str) -> int:
    """Calls the action for each row and returns how many there were; a failing row is logged and comes again.

    `what` names a row in the log. Raises SoftTimeLimitExceeded when the task's time is over; the next sweep takes the
    rest.
    """
    for row_id in ids:
        with log_context.scope():
            try:
                handle(row_id)
            except SoftTimeLimitExceeded:
                raise
            except Exception:
                log.exception("%s %s failed and waits for the next sweep", what, row_id)
    return len(ids)
