"""When the period of a cap starts and ends, by the cardholder's own calendar."""

import calendar
import datetime as dt
from functools import lru_cache

from routing.value.terms import Period

MONTHS = {Period.STATEMENT_MONTH: 1, Period.QUARTER: 3, Period.YEAR: 12, Period.ANNIVERSARY: 12}


@lru_cache(maxsize=4096)
def period_of(
    period: Period, day: dt.date, statement_day: int = 1, opened_on: dt.date | None = None
) -> tuple[dt.date, dt.date]:
    """Returns the first day of the period that holds this day, and the first day after it.

    A statement month starts on `statement_day`, an anniversary year on the day and month of `opened_on`; without it the
    anniversary year is the calendar year. A day that a month does not have is that month's last.
    """
    months = MONTHS[period]
    if period == Period.STATEMENT_MONTH:
        anchor_month, anchor_day = 1, statement_day
    elif period == Period.ANNIVERSARY and opened_on is not None:
        anchor_month, anchor_day = opened_on.month, opened_on.day
    else:
        anchor_month, anchor_day = 1, 1
    since = (day.year * 12 + day.month - anchor_month) // months * months
    if _first_day(since, anchor_month, anchor_day) > day:
        since -= months
    return _first_day(since, anchor_month, anchor_day), _first_day(since + months, anchor_month, anchor_day)


def quarter_of(day: dt.date) -> str:
    """Names the quarter as activations do: "2025Q1"."""
    return f"{day.year}Q{(day.month + 2) // 3}"


def _first_day(months: int, anchor_month: int, anchor_day: int) -> dt.date:
    year, month = divmod(months + anchor_month - 1, 12)
    return dt.date(year, month + 1, min(anchor_day, calendar.monthrange(year, month + 1)[1]))
