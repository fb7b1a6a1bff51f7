"""The windows that a card's limits are counted in: days and months of the cardholder's own zone."""

import datetime as dt
import functools
from dataclasses import dataclass

from onecard.kit.time_zones import zone_of


@dataclass(frozen=True, slots=True)
class Window:
    """From `starts_at`, included, to `ends_at`, excluded; both UTC."""

    starts_at: dt.datetime
    ends_at: dt.datetime


@functools.lru_cache(maxsize=1024)
def day_window(local_date: dt.date, time_zone: str) -> Window:
    """A local day from midnight to midnight: 23, 24 or 25 hours long (money-safety I16)."""
    return _between(local_date, local_date + dt.timedelta(days=1), time_zone)


@functools.lru_cache(maxsize=1024)
def month_window(local_date: dt.date, time_zone: str) -> Window:
    """The local calendar month around a day."""
    first = local_date.replace(day=1)
    return _between(first, (first + dt.timedelta(days=32)).replace(day=1), time_zone)


def _between(first: dt.date, after_last: dt.date, time_zone: str) -> Window:
    zone = zone_of(time_zone)
    start, end = (dt.datetime.combine(day, dt.time.min, zone).astimezone(dt.UTC) for day in (first, after_last))
    return Window(start, end)
