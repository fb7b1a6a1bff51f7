"""Which month a report is of: a month of the cardholder's own calendar, named like 2026-10."""

import datetime as dt
import re
from typing import Final

from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.time_zones import zone_of
from wallet.models import Cardholder

NAME: Final = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")


class MonthError(OneCardError):
    """A text that names no month, or a month that has not begun. `errors` names the field."""

    code = "month_unknown"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.errors = {"month": [message]}


def month_named(text: str) -> dt.date:
    """Returns the first day of a month. Raises MonthError for what is not written like 2026-10."""
    found = NAME.fullmatch(text)
    if found is None or not text.isascii():
        raise MonthError(f"{text[:20]!r} is no month; write it like 2026-10.")
    return dt.date(int(found[1]), int(found[2]), 1)


def month_for(holder: Cardholder, text: str = "") -> dt.date:
    """Returns the month that this text names, or the person's last whole month for an empty one.

    Raises MonthError for a wrong name, and for a month that has not begun where the person lives.
    """
    current = current_month(holder)
    if not text:
        return month_before(current)
    month = month_named(text)
    if month > current:
        raise MonthError(f"{text} has not begun; the latest month is {current:%Y-%m}.")
    return month


def current_month(holder: Cardholder) -> dt.date:
    return clock.local_day(clock.now(), holder.time_zone).replace(day=1)


def earlier_month(holder: Cardholder, month: dt.date) -> dt.date | None:
    """Returns the month before, or None where the person had not joined by then."""
    joined = clock.local_day(holder.created_at, holder.time_zone).replace(day=1)
    return month_before(month) if month > joined else None


def month_before(month: dt.date) -> dt.date:
    return (month - dt.timedelta(days=1)).replace(day=1)


def month_after(month: dt.date) -> dt.date:
    return (month + dt.timedelta(days=31)).replace(day=1)


def span_of(month: dt.date, time_zone: str) -> tuple[dt.datetime, dt.datetime]:
    """Returns when a month begins and ends in this zone, in UTC."""
    first, after = (
        dt.datetime.combine(day, dt.time(), zone_of(time_zone)).astimezone(dt.UTC)
        for day in (month, month_after(month))
    )
    return first, after
