"""Limits count in the cardholder's own days (money-safety I16, F12)."""

import datetime as dt
import itertools

import pytest
import time_machine
from django.db import connection

from issuing.limits.cardholder_limits import usage_of
from issuing.limits.windows import day_window, month_window
from issuing.models import SpendWindow, VirtualCard
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card
from wallet.models import Cardholder


def buys(card: VirtualCard, amount: int, at: str) -> bool:
    with time_machine.travel(at, tick=False):
        answer = stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=amount)).json()
    return bool(answer["approved"])


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-03-08", "America/New_York", 23),
        ("2026-11-01", "America/New_York", 25),
        ("2026-07-01", "America/New_York", 24),
        ("2028-02-29", "Asia/Tokyo", 24),
        ("2026-04-05", "Australia/Lord_Howe", 24.5),
    ],
)
def test_a_local_day_is_as_long_as_the_clocks_make_it(day: str, zone: str, hours: float) -> None:
    window = day_window(dt.date.fromisoformat(day), zone)
    assert (window.ends_at - window.starts_at) == dt.timedelta(hours=hours)


@pytest.mark.parametrize(("day", "days"), [("2028-02-29", 29), ("2026-02-01", 28), ("2026-12-31", 31)])
def test_a_month_runs_from_its_first_local_midnight_to_the_next(day: str, days: int) -> None:
    window = month_window(dt.date.fromisoformat(day), "Asia/Tokyo")
    assert (window.ends_at - window.starts_at).days == days
    assert window.starts_at.hour == 15


@pytest.mark.django_db
def test_midnight_in_the_cardholders_zone_opens_a_day_and_keeps_the_month() -> None:
    card = walkthrough_card(daily_limit_minor=10_000, monthly_limit_minor=15_000)

    assert buys(card, 10_000, "2026-06-10T03:59:00Z")  # 23:59 on the 9th in New York
    assert not buys(card, 1, "2026-06-10T03:59:30Z")
    assert buys(card, 5_000, "2026-06-10T04:00:00Z")
    assert not buys(card, 1, "2026-06-10T05:00:00Z")
    assert buys(card, 10_000, "2026-07-01T04:00:00Z")


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/London"])
def test_moving_to_another_time_zone_resets_no_limit(zone: str) -> None:
    card = walkthrough_card(daily_limit_minor=10_000)
    assert buys(card, 10_000, "2026-06-10T16:00:00Z")

    Cardholder.objects.update(time_zone=zone)

    for at in ("2026-06-10T16:00:01Z", "2026-06-10T23:30:00Z", "2026-06-11T03:59:59Z"):
        assert not buys(card, 1, at), at
    assert buys(card, 10_000, "2026-06-11T04:00:00Z")


@pytest.mark.django_db
def test_windows_of_one_kind_never_overlap_however_often_the_zone_changes() -> None:
    card = walkthrough_card(daily_limit_minor=10**9, monthly_limit_minor=10**9)
    zones = ["Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York"]
    moment = dt.datetime(2026, 6, 10, tzinfo=dt.UTC)
    for step in range(40):
        Cardholder.objects.update(time_zone=zones[step % len(zones)])
        assert buys(card, 100, (moment + dt.timedelta(hours=7 * step)).isoformat())

    for kind in ("day", "month"):
        windows = list(SpendWindow.objects.filter(kind=kind).order_by("starts_at"))
        assert all(first.ends_at <= second.starts_at for first, second in itertools.pairwise(windows))
        assert sum(window.spent_minor for window in windows) == 4000


@pytest.mark.django_db
def test_whoever_moves_every_hour_gets_no_fresh_limit_every_hour() -> None:
    card = walkthrough_card(daily_limit_minor=10_000, monthly_limit_minor=10**9)
    start = dt.datetime(2026, 6, 10, 4, tzinfo=dt.UTC)
    bought = 0
    for hour in range(24):
        at = start + dt.timedelta(hours=hour, minutes=1)
        # Where it is about to be midnight.
        offset = (at.hour + 1) % 24
        Cardholder.objects.update(time_zone=f"Etc/GMT{offset - 24 if offset > 12 else offset:+d}")
        bought += buys(card, 10_000, at.isoformat())
    assert bought <= 2


@pytest.mark.django_db
def test_one_honest_move_keeps_the_months_apart() -> None:
    card = walkthrough_card(daily_limit_minor=10_000, monthly_limit_minor=10_000)
    assert buys(card, 10_000, "2026-06-20T16:00:00Z")
    Cardholder.objects.update(time_zone="Asia/Tokyo")

    assert buys(card, 10_000, "2026-07-05T16:00:00Z")
    assert not buys(card, 1, "2026-07-30T16:00:00Z")
    assert buys(card, 10_000, "2026-08-02T16:00:00Z")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "zone", "last_end", "at", "ends_at"),
    [
        # To Tokyo: June's last day there began at 15:00 on the 29th in UTC, so a month more "in UTC" lost a day.
        ("month", "Asia/Tokyo", "2026-06-29T04:00:00Z", "2026-06-29T16:00:00Z", "2026-07-31T15:00:00Z"),
        ("month", "Pacific/Kiritimati", "2028-02-20T04:00:00Z", "2028-02-21T16:00:00Z", "2028-03-31T10:00:00Z"),
        # The clocks change in the month or day that is added.
        ("month", "America/New_York", "2026-10-30T04:00:00Z", "2026-10-30T16:00:00Z", "2026-12-01T05:00:00Z"),
        ("month", "Europe/London", "2026-03-20T04:00:00Z", "2026-03-21T16:00:00Z", "2026-04-30T23:00:00Z"),
        ("day", "America/New_York", "2026-10-31T23:00:00Z", "2026-10-31T23:30:00Z", "2026-11-02T05:00:00Z"),
        ("day", "America/New_York", "2026-03-07T20:00:00Z", "2026-03-07T20:30:00Z", "2026-03-09T04:00:00Z"),
        ("day", "Australia/Lord_Howe", "2026-04-04T10:00:00Z", "2026-04-04T10:30:00Z", "2026-04-05T13:30:00Z"),
    ],
)  # fmt: skip
def test_a_longer_window_ends_at_a_midnight_of_the_new_zone(
    kind: str, zone: str, last_end: str, at: str, ends_at: str
) -> None:
    card = walkthrough_card(daily_limit_minor=10**9, monthly_limit_minor=10**9)
    earlier = dt.datetime.fromisoformat(last_end)
    SpendWindow.objects.create(card=card, kind=kind, starts_at=earlier - dt.timedelta(days=1), ends_at=earlier)
    Cardholder.objects.update(time_zone=zone)

    with time_machine.travel(at, tick=False):
        said = usage_of(VirtualCard.objects.select_related("cardholder").get(pk=card.pk), kind).renews_at
    assert buys(card, 100, at)

    opened = SpendWindow.objects.get(kind=kind, spent_minor=100)
    assert opened.ends_at == said == dt.datetime.fromisoformat(ends_at)


@pytest.mark.django_db
def test_a_card_of_years_costs_a_decision_no_more_than_a_new_one() -> None:
    card = walkthrough_card()
    old = [dt.datetime(2025, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=days) for days in range(600)]
    SpendWindow.objects.bulk_create(
        SpendWindow(card=card, kind="day", starts_at=day, ends_at=day + dt.timedelta(days=1), spent_minor=0)
        for day in old
    )
    before = _windows_read()
    # Nothing has happened for two months, so the first purchase opens both windows.
    assert buys(card, 100, "2026-10-30T12:00:00Z")
    assert buys(card, 100, "2026-10-30T13:00:00Z")
    assert _windows_read() - before < 30


def _windows_read() -> int:
    """How many rows of windows this transaction has fetched so far, also inside functions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'issuing_spendwindow'")
        return int(cursor.fetchone()[0])
