"""The windows that limits and controls count in: days, weeks, months and years of the cardholder's own zone."""

import datetime as dt
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from onecard.kit.time_zones import zone_of


@dataclass(frozen=True, slots=True)
class Window:
    """From `starts_at`, included, to `ends_at`, excluded; `longer_ends_at` is the end of the next one. All are UTC."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    longer_ends_at: dt.datetime

    def as_json(self) -> dict[str, str]:
        """Returns what issuing_open_window takes (issuing/sql/open_window.sql)."""
        return {
            "starts_at": self.starts_at.isoformat(),
            "ends_at": self.ends_at.isoformat(),
            "longer_ends_at": self.longer_ends_at.isoformat(),
        }


@functools.lru_cache(maxsize=1024)
def day_window(local_date: dt.date, time_zone: str) -> Window:
    """Returns a local day from midnight to midnight: 23, 24 or 25 hours long (money-safety I16)."""
    return _window(*(local_date + dt.timedelta(days=days) for days in range(3)), time_zone=time_zone)


@functools.lru_cache(maxsize=1024)
def month_window(local_date: dt.date, time_zone: str) -> Window:
    """Returns the local calendar month around a day."""
    first = local_date.replace(day=1)
    second = _month_after(first)
    return _window(first, second, _month_after(second), time_zone=time_zone)


@functools.lru_cache(maxsize=1024)
def week_window(local_date: dt.date, time_zone: str) -> Window:
    """Returns the local week around a day, from Monday."""
    first = local_date - dt.timedelta(days=local_date.weekday())
    return _window(*(first + dt.timedelta(weeks=weeks) for weeks in range(3)), time_zone=time_zone)


@functools.lru_cache(maxsize=1024)
def year_window(local_date: dt.date, time_zone: str) -> Window:
    """Returns the local calendar year around a day."""
    return _window(*(dt.date(local_date.year + years, 1, 1) for years in range(3)), time_zone=time_zone)


@functools.lru_cache(maxsize=1024)
def windows_as_json(local_date: dt.date, time_zone: str) -> Mapping[str, Mapping[str, str]]:
    """Returns both windows around a day, by their kind, as issuing_open_window takes them."""
    day, month = day_window(local_date, time_zone), month_window(local_date, time_zone)
    return MappingProxyType({"day": day.as_json(), "month": month.as_json()})


def _month_after(first: dt.date) -> dt.date:
    return (first + dt.timedelta(days=32)).replace(day=1)


def _window(*days: dt.date, time_zone: str) -> Window:
    zone = zone_of(time_zone)
    return Window(*(dt.datetime.combine(day, dt.time.min, zone).astimezone(dt.UTC) for day in days))
