"""Brings the rewards book up to date: each charge and refund without an entry gets one (issuing/rewards/book.py).

It reads the rows of the wallet and depends on no message, so a message that the queue loses does no harm
(money-safety I11).
"""

import datetime as dt
import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import Exists, OuterRef, Q, QuerySet

from issuing.models import RewardEntry
from issuing.rewards.book import CAME_BACK, book_charge, book_refund
from onecard.kit import clock
from onecard.kit.sweeper import WORK_S, for_a_while
from wallet import states
from wallet.models import FundingCharge, FundingRefund
from wallet.references import Subject

log = logging.getLogger(__name__)

Kind = RewardEntry.Kind
# The frequent sweep looks back an hour, since it reads all that ended meanwhile, booked or not; the hourly and the
# nightly one look further (onecard/celery.py), and for what is older there is a command.
RECENT_DAYS = 1 / 24
LONG_AGO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
BATCH = 200


@dataclass(frozen=True, slots=True)
class Tally:
    """How many entries a walk wrote, and how many it could not write and logged."""

    booked: int
    failed: int


def sweep(*, days: float = RECENT_DAYS) -> Tally:
    """Books what ended within the last days and is not booked yet, from the database alone."""
    work_s = math.inf if days > RECENT_DAYS else WORK_S
    return book_missing(since=clock.now() - dt.timedelta(days=days), work_s=work_s)


def book_missing(
    *,
    since: dt.datetime | None = None,
    progress: Callable[[int], Any] = lambda _done: None,
    work_s: float = math.inf,
) -> Tally:
    """Books for a while what ended since then (empty: ever) and is not booked; one that fails holds up no other."""
    booked = failed = 0
    for what, pk, book in for_a_while(_each_missing(since or LONG_AGO), work_s=work_s):
        try:
            booked += book(pk)
        except SoftTimeLimitExceeded:
            raise  # The task's time is over; what is left is the next sweep's.
        except Exception:
            failed += 1
            log.exception("%s %s could not be booked", what, pk)
        progress(1)
    return Tally(booked, failed)


def count_missing(*, since: dt.datetime | None = None) -> int:
    """Returns how many entries `book_missing` would try to write."""
    start = since or LONG_AGO
    return sum(rows.filter(finished_at__gte=start).count() for rows, _book in _missing(start))


def _each_missing(since: dt.datetime) -> Iterator[tuple[str, int, Callable[[int], bool]]]:
    """Yields the name of a row's model, its id, and the function that books it."""
    for rows, book in _missing(since):
        for pk in _oldest_first(rows, since):
            yield rows.model.__name__, pk, book


def _missing(since: dt.datetime) -> list[tuple[QuerySet[Any], Callable[[int], bool]]]:
    """Charges and refunds without an entry, each with the function that books it.

    An entry's `earned_at` is the time at which its charge or refund finished, so entries before `since` are not read.
    """

    def has_entry(column: str, kind: str, **more: Any) -> Exists:
        return Exists(RewardEntry.objects.filter(**{column: OuterRef("pk")}, kind=kind, **more))

    charges = FundingCharge.objects.filter(
        ~has_entry("charge", Kind.CHARGE, earned_at__gte=since),
        status=states.Charge.SUCCEEDED,
        obligation__purchase__startswith=Subject.PURCHASE.prefix,
    )
    refunds = FundingRefund.objects.filter(
        ~has_entry("refund", Kind.REFUND, earned_at__gte=since),
        status=states.Refund.SUCCEEDED,
        charge__isnull=False,
        obligation__purchase__startswith=Subject.PURCHASE.prefix,
    )
    came_back = FundingRefund.objects.filter(
        has_entry("refund", Kind.REFUND),
        ~has_entry("refund", Kind.REFUND_FAILED, earned_at__gte=since),
        status__in=CAME_BACK,
    )
    return [(charges, book_charge), (refunds, book_refund), (came_back, book_refund)]


def _oldest_first(rows: QuerySet[Any], since: dt.datetime) -> Iterator[int]:
    """Ids in batches; each goes on behind the last, so what cannot be booked is met once and not again and again."""
    at, pk = since, 0
    while True:
        behind = rows.filter(Q(finished_at__gt=at) | Q(finished_at=at, pk__gt=pk), finished_at__gte=at)
        batch = list(behind.order_by("finished_at", "pk").values_list("finished_at", "pk")[:BATCH])
        yield from (each for _at, each in batch)
        if len(batch) < BATCH:
            return
        at, pk = batch[-1]
