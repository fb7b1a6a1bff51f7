"""Local days, and a stopwatch that names its steps (money-safety I16)."""

import datetime as dt

import pytest

from onecard.kit.clock import Stopwatch, local_day


@pytest.mark.parametrize(
    ("moment", "zone", "day"),
    [
        ("2026-03-08T04:59:59+00:00", "America/New_York", "2026-03-07"),
        ("2026-03-08T05:00:00+00:00", "America/New_York", "2026-03-08"),
        ("2026-03-09T03:59:59+00:00", "America/New_York", "2026-03-08"),
        ("2026-11-02T04:59:59+00:00", "America/New_York", "2026-11-01"),
        ("2028-02-29T12:00:00+00:00", "Pacific/Kiritimati", "2028-03-01"),
        ("2026-06-10T10:00:00+00:00", "Pacific/Pago_Pago", "2026-06-09"),
    ],
)
def test_a_moment_falls_on_the_zones_own_day(moment: str, zone: str, day: str) -> None:
    assert local_day(dt.datetime.fromisoformat(moment), zone) == dt.date.fromisoformat(day)


def test_the_day_in_an_unknown_zone_is_that_of_utc() -> None:
    moment = dt.datetime(2026, 5, 4, 23, 30, tzinfo=dt.UTC)

    assert local_day(moment, "Mars/Olympus") == dt.date(2026, 5, 4)


def test_steps_add_up_to_what_has_elapsed() -> None:
    watch = Stopwatch()
    for step in ("read", "choose", "read"):
        watch.lap(step)
    assert list(watch.steps_ms) == ["read", "choose"]
    assert 0 <= sum(watch.steps_ms.values()) <= watch.elapsed_ms + 0.01
