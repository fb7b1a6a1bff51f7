"""The parts of a decision's deadline, DECISION_DEADLINE_MS: for deciding, for recording a decline, for the answer."""

import functools
from typing import NamedTuple

from django.conf import settings

from onecard.kit.clock import Stopwatch

# Work does not begin with less than this share of the deadline left: it would most likely not finish.
WORK_SHARE = 0.1
# Parts of the deadline reserved for sending the answer and for recording the decline; at most these shares.
ANSWER_MS, ANSWER_SHARE = 40, 0.1
RECORD_MS, RECORD_SHARE = 250, 0.25


def is_too_old(watch: Stopwatch) -> bool:
    """Returns whether a request has waited so long that it is declined unread."""
    return watch.elapsed_ms >= longest_wait_ms()


def remaining_ms(watch: Stopwatch) -> float:
    """Returns the time that is left for deciding."""
    return _parts(settings.DECISION_DEADLINE_MS).deciding_ms - watch.elapsed_ms


def left_ms(watch: Stopwatch) -> float:
    """Returns the time that is left until the answer must be sent."""
    return _parts(settings.DECISION_DEADLINE_MS).answering_ms - watch.elapsed_ms


def longest_wait_ms() -> float:
    """Returns the longest a request may have waited when work begins; an older one is declined unread."""
    return _parts(settings.DECISION_DEADLINE_MS).longest_wait_ms


def recording_ms() -> float:
    """Returns the part in which a decline for want of time is recorded."""
    return _parts(settings.DECISION_DEADLINE_MS).recording_ms


class _Parts(NamedTuple):
    """Milliseconds since a request arrived, and `recording_ms`, which lies between deciding and answering."""

    longest_wait_ms: float
    deciding_ms: float
    recording_ms: float
    answering_ms: float


@functools.lru_cache(maxsize=8)
def _parts(deadline_ms: float) -> _Parts:
    answering_ms = deadline_ms - min(ANSWER_MS, deadline_ms * ANSWER_SHARE)
    recording_ms = min(RECORD_MS, deadline_ms * RECORD_SHARE)
    deciding_ms = answering_ms - recording_ms
    return _Parts(deciding_ms - deadline_ms * WORK_SHARE, deciding_ms, recording_ms, answering_ms)
