"""The counters that a purchase counts in, as the committing statement takes them (issuing/sql/record_decision.sql)."""

import datetime as dt
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from issuing.controls.definition import AMOUNT, Velocity
from issuing.controls.evaluation import Demand
from issuing.limits.windows import Window, day_window, month_window, week_window, year_window
from onecard.kit.clock import local_day
from onecard.kit.time_zones import UTC

# Each with the overlap, in seconds, from which a window that follows a change of time zone lasts one more.
CALENDAR: Final = {
    "day": (day_window, 12 * 3600),
    "week": (week_window, 3 * 86_400),
    "month": (month_window, 14 * 86_400),
    "year": (year_window, 180 * 86_400),
}
_START: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_END: Final = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
# The row of a trailing window is only its lock.
EVER: Final = Window(_START, _END, _END)


def window_of(velocity: Velocity, *, now: dt.datetime, time_zone: str) -> Window:
    """Returns the window around a moment; in the cardholder's days, and in UTC for a counter of the programme."""
    zone = UTC if velocity.per == "programme" else time_zone
    found = CALENDAR.get(velocity.window)
    return found[0](local_day(now, zone), zone) if found else EVER


def as_json(demands: Iterable[Demand], *, now: dt.datetime, time_zone: str) -> list[dict[str, Any]]:
    """Returns the counters with what they may reach, in the order in which everybody locks them."""
    ordered = sorted(demands, key=lambda demand: (demand.control.version_id, demand.subject_id))
    days: dict[str, dt.date] = {}
    found = []
    for demand in ordered:
        zone = UTC if demand.velocity.per == "programme" else time_zone
        if zone not in days:
            days[zone] = local_day(now, zone)
        found.append(_one(demand, days[zone], zone))
    return found


def _one(demand: Demand, local_date: dt.date, zone: str) -> dict[str, Any]:
    return {
        **demand.control.counter,
        "subject": demand.subject_id,
        "pass_id": demand.pass_id,
        "bounds": _bounds(demand.velocity.window, local_date, zone),
    }


@functools.lru_cache(maxsize=4096)
def _bounds(window: str, local_date: dt.date, zone: str) -> Mapping[str, Any]:
    """Returns what issuing_open_counter takes; never to be changed, since many share it."""
    found = CALENDAR.get(window)
    if found is None:
        return EVER.as_json() | {"overlap_s": 0}
    make, overlap_s = found
    return make(local_date, zone).as_json() | {"overlap_s": overlap_s}


def as_columns(counted: Sequence[tuple[int, Sequence[Mapping[str, Any]]]]) -> tuple[int, list[list[int]]]:
    """Returns how many counters several proposals name, repeats included, and the shared statement's columns of them.

    `counted` is each proposal's place with the counters of `as_json` (issuing/sql/record_decisions.sql).
    """
    rows = [
        (
            place, each["version"], each["subject"],
            *((each["most"], -1) if each["measure"] == AMOUNT else (-1, each["most"])), each["trailing_s"],
        )
        for place, counters in counted
        for each in counters
    ]  # fmt: skip
    return len(rows), [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(6)]
