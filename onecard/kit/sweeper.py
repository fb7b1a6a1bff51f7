"""What every sweeper does with the rows that it found: each for itself, so that one cannot hold up the others."""

import logging
from collections.abc import Callable, Sequence

from celery.exceptions import SoftTimeLimitExceeded

log = logging.getLogger(__name__)


def each_in_turn(ids: Sequence[int], act: Callable[[int], object], *, what: str) -> int:
    """Acts on each row and says how many there were; a row that fails is logged as `what` and comes by again.

    Raises SoftTimeLimitExceeded: the task's time is over, and what is left is the next sweep's.
    """
    for row_id in ids:
        try:
            act(row_id)
        except SoftTimeLimitExceeded:
            raise
        except Exception:
            log.exception("%s %s failed and waits for the next sweep", what, row_id)
    return len(ids)
