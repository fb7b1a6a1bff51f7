"""Notes when a task of the clock ran last, for the health page. It is written by workers and read by the web server."""

import logging
import time

from django.db import DatabaseError

from onecard.desk.models import TaskRun
from onecard.kit import clock

log = logging.getLogger(__name__)

# Sweeps run every few seconds; a note of each would be more work than most of them do.
NOTED_EVERY_S = 10.0
_noted_at: dict[str, float] = {}


def note_end(task: str, *, error: str = "") -> None:
    """Writes that a task has ended, failed with this kind of error or not; failures are noted each time.

    A database that does not take it stops no task.
    """
    if not error and time.monotonic() - _noted_at.get(task, -NOTED_EVERY_S) < NOTED_EVERY_S:
        return
    now = clock.now()
    values = {"failed_at": now, "error": error[:200]} if error else {"finished_at": now}
    try:
        TaskRun.objects.update_or_create(task=task, defaults=values)
    except DatabaseError:
        log.exception("The end of %s could not be noted.", task)
        return
    if not error:
        _noted_at[task] = time.monotonic()


def forget() -> None:
    """Forgets what this process noted lately; for tests."""
    _noted_at.clear()
