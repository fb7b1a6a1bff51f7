"""Sends each person the report of their last month once, in the first days of the next one, as a notice.

The notice's cause names the person and the month, and is unique: so a report is sent once, however often and by however
many workers it is tried. Whether it is mailed is the person's choice, as for every notice (onecard/notices/choices.py).
"""

import datetime as dt
import time
from collections.abc import Iterable, Iterator
from typing import Final

from django.db.models import CharField, Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat

from issuing.rewards.monthly.months import current_month, month_before, span_of
from issuing.rewards.monthly.report import reports_of
from issuing.rewards.monthly.words import sentences
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.sweeper import each_in_turn
from onecard.kit.transactions import transaction
from onecard.notices import services as notices
from onecard.notices.kinds import Kind
from onecard.notices.models import Cursor, Notice
from wallet.models import Cardholder, FundingObligation
from wallet.references import Subject

# A month ends last twelve hours west of Greenwich.
LAST_ZONE: Final = dt.timedelta(hours=12)
# Whom the sweep has not reached by then gets the report of the next month only, or of this one by the command.
LAST_DAY: Final = 10
BATCH: Final = 100
WORK_S: Final = 20.0
FIRST: Final = {"position": 0}


class NotOverError(OneCardError):
    """A report of a month that is not over where the person lives."""

    code = "month_not_over"


def sweep(*, work_s: float = WORK_S) -> int:
    """Sends reports that are due for a while, and returns to how many people it looked; two sweeps may run at once.

    Each of the first days of a month has one walk over all who bought something and have no report yet, so who failed
    comes again on the next day. Nothing happens after LAST_DAY.
    """
    everywhere = (clock.now() - LAST_ZONE).date()
    if everywhere.day > LAST_DAY:
        return 0
    month, end, done = month_before(everywhere.replace(day=1)), time.monotonic() + work_s, 0
    # A worker that dies loses one batch of this day's walk.
    cursor, _ = Cursor.objects.get_or_create(name=f"monthly_report:{month:%Y-%m}:{everywhere.day}", defaults=FIRST)
    for ids, last in everybody_due(month, Cardholder.objects.filter(pk__gt=cursor.position)):
        tried = each_in_turn(
            ids,
            lambda holder_id: send(holder_id=holder_id, month=month),
            what="monthly report",
            work_s=end - time.monotonic(),
        )
        done += tried
        reached = last if tried == len(ids) else ids[tried - 1]
        Cursor.objects.filter(name=cursor.name, position__lt=reached).update(position=reached)
        if time.monotonic() > end:
            break
    return done


def send(*, holder_id: int, month: dt.date) -> bool:
    """Writes a person's report as a notice, with its mail; False where there is one, or nothing to report.

    Raises NotOverError for a month that is not over.
    """
    holder = Cardholder.objects.get(pk=holder_id)
    if month >= current_month(holder):
        raise NotOverError(
            f"{month:%Y-%m} is not over for {holder.name}; its report can be sent from the next month on."
        )
    if sent_notice(holder, month) is not None:
        return False
    reports = reports_of(holder, month)
    if not reports:
        return False
    with transaction():
        written = notices.write(
            user_id=holder.user_id,
            kind=Kind.MONTHLY_REPORT,
            cause=cause_of(holder, month),
            text=sentences(reports),
            reference=f"monthly_report:{month:%Y-%m}",
        )
    return written is not None


def sent_notice(holder: Cardholder, month: dt.date) -> Notice | None:
    """Returns the notice by which the report was sent: what it said then, whatever refunds have changed since."""
    return Notice.objects.filter(cause=cause_of(holder, month)).first()


def cause_of(holder: Cardholder, month: dt.date) -> str:
    return f"monthly_report:{month:%Y-%m}:{holder.public_id}"


def due(month: dt.date, people: Iterable[int]) -> "QuerySet[Cardholder]":
    """Returns who of these bought something in the month and has no report of it yet, in the order of their keys."""
    since, until = span_of(month, "UTC")
    # Local months begin and end up to 14 hours apart from those of UTC; `send` looks exactly.
    bought = FundingObligation.objects.filter(
        cardholder=OuterRef("pk"),
        purchase__startswith=Subject.PURCHASE.prefix,
        created_at__gte=since - dt.timedelta(hours=14),
        created_at__lt=until + dt.timedelta(hours=14),
    )
    cause = Concat(
        Value(f"monthly_report:{month:%Y-%m}:"), Cast(OuterRef("public_id"), CharField()), output_field=CharField()
    )
    return Cardholder.objects.filter(
        Exists(bought), ~Exists(Notice.objects.filter(cause=cause)), pk__in=people
    ).order_by("pk")


def everybody_due(month: dt.date, people: "QuerySet[Cardholder]") -> Iterator[tuple[list[int], int]]:
    """Yields who is due among these people, a batch of keys at a time, with the batch's last key.

    By keys, so that no statement looks at everybody's purchases.
    """
    behind = 0
    while keys := list(people.filter(pk__gt=behind).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        behind = keys[-1]
        yield list(due(month, keys).values_list("pk", flat=True)), behind
