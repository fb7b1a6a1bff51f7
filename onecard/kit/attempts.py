"""One request to another system, made once even if a worker dies: claim, call, record, or try later.

The row is the record of the work. A worker claims it and commits that, calls outside any transaction, then records the
outcome or puts the row back with a later due time (money-safety T5, F4, F8; docs/decisions/0038). The queue only makes
it fast: the sweeper finds in the database what the queue lost.
"""

import datetime as dt
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

from django.db.models import F, Model, Q, QuerySet

from onecard.kit import clock
from onecard.kit.backoff import backoff_s
from onecard.kit.sweeper import each_in_turn

log = logging.getLogger(__name__)

# Longer than a task may run, so that nobody takes a row from a worker that is still busy with it.
CLAIM = dt.timedelta(seconds=120)
# From this many attempts on a case tells a person; attempts go on at the longest delay.
ATTEMPTS_BEFORE_CASE = 6
SWEEP_BATCH = 50
# The count stays within the smallest column that has it, and then goes on from here: far enough that the delay is the
# longest and that no worker still holds a claim with the same count.
MOST_COUNTED, COUNTED_AGAIN_FROM = 32_000, 1_000
ALL = Q()


class Attempted(Protocol):
    """A row that attempts are made for.

    It also has the columns `status`, `claimed_until`, `next_attempt_at`, `updated_at` and `failure_message`.
    """

    pk: Any
    attempts: int


@dataclass(frozen=True, slots=True)
class Attempts:
    """The rows of `model` that attempts are made for: those with one of `statuses`, once they are due.

    `what` names one of them in the log. `grace` is the head start of the queue before the sweeper looks.
    """

    model: type[Model]
    what: str
    statuses: Collection[str]
    grace: dt.timedelta

    def due(self, moment: dt.datetime) -> Q:
        """Selects rows whose due time has come, and rows whose worker has died."""
        waits = Q(claimed_until=None, next_attempt_at__lte=moment)
        abandoned = Q(claimed_until__lt=moment)
        return Q(status__in=self.statuses) & (waits | abandoned)

    def claim(self, row: Attempted, **changes: Any) -> bool:
        """Claims a due row for this worker and counts the attempt; returns False when another worker has it.

        Runs in the caller's transaction, which has to commit before the call. `row` keeps its earlier values except the
        count.
        """
        now = clock.now()
        free = self._rows(Q(pk=row.pk, attempts=row.attempts) & self.due(now))
        until = now + CLAIM
        counted = next_count(row.attempts)
        if not free.update(attempts=counted, claimed_until=until, next_attempt_at=until, updated_at=now, **changes):
            return False
        row.attempts = counted
        return True

    def held(self, row: Attempted) -> QuerySet[Any]:
        """Selects the claimed row, or nothing once another attempt or an event has changed it."""
        return self._rows(Q(pk=row.pk, attempts=row.attempts, claimed_until__isnull=False))

    def wait(self, row: Attempted, until: dt.datetime) -> None:
        """Makes a due row due later, without an attempt."""
        self._rows(Q(pk=row.pk, attempts=row.attempts)).update(claimed_until=None, next_attempt_at=until)

    def put_back(
        self, row: Attempted, *, message: str, delay_s: float | None, was_sent: bool = True, **changes: Any
    ) -> bool:
        """Makes a claimed row due again after `delay_s`, or after the backoff of its attempts.

        An attempt that sent nothing is not counted. Returns False when the row is no longer this worker's.
        """
        wait_s = delay_s or backoff_s(row.attempts)
        log.warning("%s %s: %s; next try in %.1f s", self.what, row.pk, message, wait_s)
        now = clock.now()
        changed = self.held(row).update(
            attempts=F("attempts") - (0 if was_sent else 1),
            failure_message=message[:300],
            claimed_until=None,
            next_attempt_at=now + dt.timedelta(seconds=wait_s),
            updated_at=now,
            **changes,
        )
        return changed == 1

    def complaint(self, row: Attempted, message: str) -> str:
        """Returns what a case says of a row that failed so often that a person should know, else ""."""
        return f"{row.attempts} attempts: {message}" if row.attempts >= ATTEMPTS_BEFORE_CASE else ""

    def sweep(self, attempt: Callable[[int], object], *, now: dt.datetime | None = None, only: Q = ALL) -> int:
        """Makes one attempt at every due row whose message seems lost; returns how many."""
        due = self._rows(self.due((now or clock.now()) - self.grace) & only).order_by("next_attempt_at", "id")
        return each_in_turn(list(due.values_list("pk", flat=True)[:SWEEP_BATCH]), attempt, what=self.what)

    def _rows(self, condition: Q) -> QuerySet[Any]:
        return QuerySet(self.model).filter(condition)


def next_count(attempts: int) -> int:
    """Returns the count with one more attempt, bounded so that its column never overflows."""
    return attempts + 1 if attempts < MOST_COUNTED else COUNTED_AGAIN_FROM
