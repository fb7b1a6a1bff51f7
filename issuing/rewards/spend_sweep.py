"""Brings the caps of funding cards up to date: each charge whose state or refunds were not seen yet is looked at.

It reads the rows of the wallet and depends on no message, so nothing is lost with a queue (money-safety I11).
"""

import datetime as dt
import logging
import math
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection
from django.db.models import Exists, OuterRef, Q

from issuing.rewards.spend_book import Status, behind, book_spend, changes, states_of
from onecard.kit import clock
from onecard.kit.sweeper import WORK_S, for_a_while
from onecard.kit.transactions import transaction
from routing.models import CardSpend, SpendBooking
from wallet import states
from wallet.models import FundingCharge, FundingRefund
from wallet.references import Subject

log = logging.getLogger(__name__)

# The frequent sweep looks back an hour; the hourly one looks at all that is pending, and the nightly one far back.
RECENT_DAYS: Final = 1 / 24
# A transaction may commit a moment after the time that it wrote.
OVERLAP: Final = dt.timedelta(minutes=5)
MOST: Final = 2_000


def sweep(*, days: float = RECENT_DAYS) -> int:
    """Looks at the charges of the last days that changed, and returns how many it looked at; one failure stops none."""
    since, done = clock.now() - dt.timedelta(days=days), 0
    is_far = days > RECENT_DAYS
    due = islice(_due(since, all_pending=is_far), MOST)
    for pk in for_a_while(due, work_s=math.inf if is_far else WORK_S):
        try:
            done += book_spend(pk)
        except SoftTimeLimitExceeded:
            raise  # The task's time is over; what is left is the next sweep's.
        except Exception:
            log.exception("the spend of charge %s could not be booked", pk)
    return done


def differences() -> list[str]:
    """Returns a sentence for each sum that is not what the wallet's charges and refunds make it; reads all of them."""
    wanted: dict[tuple[int, str, str, str], list[int]] = {}
    for booking in SpendBooking.objects.order_by("pk").iterator(chunk_size=500):
        nothing = SpendBooking(status=Status.RELEASED, amount_minor=booking.amount_minor, kept_minor=0)
        nothing.shares = booking.shares
        state = states_of({booking.charge_id: booking.amount_minor})[booking.charge_id]
        for (name, tag, first), pending, posted in changes(nothing, state):
            sums = wanted.setdefault((booking.method_id, name, tag, first), [0, 0])
            sums[0], sums[1] = sums[0] + pending, sums[1] + posted
    found = {}
    for row in CardSpend.objects.order_by("pk").iterator(chunk_size=500):
        key = (row.method_id, row.name, row.tag, row.starts_on.isoformat())
        if row.pending_minor or row.posted_minor:
            found[key] = [row.pending_minor, row.posted_minor]
    return [
        f"Card {key[0]}, {key[1]} {key[2]} from {key[3]}: {found.get(key, [0, 0])} is kept, {wanted.get(key, [0, 0])} "
        "follows from the charges (pending and posted, in minor units)."
        for key in sorted(wanted.keys() | found.keys())
        if wanted.get(key, [0, 0]) != found.get(key, [0, 0])
    ]


def rebuild() -> int:
    """Makes every sum anew from the wallet's charges and refunds, alone; returns how many charges it looked at."""
    with transaction():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE routing_spendbooking, routing_cardspend IN SHARE ROW EXCLUSIVE MODE")
        CardSpend.objects.all().delete()
        SpendBooking.objects.update(status=Status.RELEASED, kept_minor=0)
        ids = list(SpendBooking.objects.order_by("pk").values_list("charge_id", flat=True))
        for pk in ids:
            book_spend(pk)
    return len(ids)


def _due(since: dt.datetime, *, all_pending: bool) -> Iterator[int]:
    """Yields charges without a booking, charges that ended, and charges with newer refunds, each once."""
    yielded: set[int] = set()
    for rows in _sources(since, all_pending=all_pending):
        for pk in rows:
            if pk not in yielded:
                yielded.add(pk)
                yield pk


def _sources(since: dt.datetime, *, all_pending: bool) -> Iterator[Iterable[int]]:
    of_purchase = Q(obligation__purchase__startswith=Subject.PURCHASE.prefix)
    unbooked = ~Exists(SpendBooking.objects.filter(charge=OuterRef("pk")))
    new = FundingCharge.objects.filter(of_purchase, unbooked, created_at__gte=since)
    yield new.order_by("created_at", "pk").values_list("pk", flat=True)[:MOST]
    pending = SpendBooking.objects.filter(status=Status.PENDING).exclude(charge__status__in=_PENDING)
    if not all_pending:
        pending = pending.filter(looked_at__gte=since)
    yield pending.order_by("looked_at").values_list("charge_id", flat=True)[:MOST]
    paid = FundingCharge.objects.filter(status=states.Charge.SUCCEEDED, finished_at__gte=since)
    yield (
        paid.filter(Exists(SpendBooking.objects.filter(charge=OuterRef("pk")).exclude(status=Status.POSTED)))
        .order_by("finished_at", "pk")
        .values_list("pk", flat=True)[:MOST]
    )
    newer = Exists(
        SpendBooking.objects.filter(charge=OuterRef("charge"), looked_at__lte=OuterRef("finished_at") + OVERLAP)
    )
    refunds = FundingRefund.objects.filter(
        newer, status__in=("succeeded", "failed", "canceled"), finished_at__gte=since
    )
    yield _not_counted(refunds.order_by("finished_at", "pk").values_list("charge_id", flat=True)[:MOST])


def _not_counted(refunded: Iterable[int]) -> Iterator[int]:
    """Yields which of these charges' bookings do not count a refund yet; marks the others as looked at."""
    charges, looked_at = set(refunded), clock.now()
    found = behind(charges) if charges else set()
    counted = SpendBooking.objects.filter(charge_id__in=charges - found, looked_at__lt=looked_at - OVERLAP)
    counted.update(looked_at=looked_at)
    yield from sorted(found)


_PENDING: Final = [state for state in states.LIVE_CHARGE if state != states.Charge.SUCCEEDED]
