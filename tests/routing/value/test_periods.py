"""When the period of a cap starts and ends."""

import datetime as dt

import pytest

from routing.value.periods import period_of, quarter_of
from routing.value.terms import Period

DAY = dt.date.fromisoformat


@pytest.mark.parametrize(
    ("period", "day", "statement_day", "opened_on", "first", "after"),
    [
        (Period.QUARTER, "2025-03-31", 1, None, "2025-01-01", "2025-04-01"),
        (Period.QUARTER, "2025-12-31", 1, None, "2025-10-01", "2026-01-01"),
        (Period.YEAR, "2025-06-15", 1, None, "2025-01-01", "2026-01-01"),
        (Period.STATEMENT_MONTH, "2025-02-28", 1, None, "2025-02-01", "2025-03-01"),
        (Period.STATEMENT_MONTH, "2025-02-14", 15, None, "2025-01-15", "2025-02-15"),
        (Period.STATEMENT_MONTH, "2025-03-30", 31, None, "2025-02-28", "2025-03-31"),
        (Period.STATEMENT_MONTH, "2025-01-02", 15, None, "2024-12-15", "2025-01-15"),
        (Period.ANNIVERSARY, "2025-06-15", 1, None, "2025-01-01", "2026-01-01"),
        (Period.ANNIVERSARY, "2025-06-15", 1, "2020-06-16", "2024-06-16", "2025-06-16"),
        (Period.ANNIVERSARY, "2025-06-16", 1, "2020-06-16", "2025-06-16", "2026-06-16"),
        (Period.ANNIVERSARY, "2025-02-28", 1, "2020-02-29", "2025-02-28", "2026-02-28"),
    ],
)
def test_a_period_holds_its_day(
    period: Period, day: str, statement_day: int, opened_on: str | None, first: str, after: str
) -> None:
    opened = DAY(opened_on) if opened_on else None
    assert period_of(period, DAY(day), statement_day, opened) == (DAY(first), DAY(after))


def test_quarters_are_named_as_activations_are() -> None:
    assert [quarter_of(dt.date(2025, month, 1)) for month in (1, 3, 4, 12)] == ["2025Q1", "2025Q1", "2025Q2", "2025Q4"]
