"""Zones come from the tzdata package, old names go on to work, and a name that is none is UTC."""

import datetime as dt
import logging
import os
import subprocess
import sys
import zoneinfo
from importlib.metadata import version
from pathlib import Path

import pytest

from onecard.kit.clock import local_day
from onecard.kit.time_zones import canonical, is_known, zone_of


@pytest.mark.parametrize(
    ("old", "now"),
    [
        ("US/Central", "America/Chicago"), ("US/Pacific", "America/Los_Angeles"), ("Asia/Calcutta", "Asia/Kolkata"),
        ("Europe/Kiev", "Europe/Kyiv"), ("GB", "Europe/London"), ("Japan", "Asia/Tokyo"), ("Zulu", "UTC"),
        ("Etc/UTC", "UTC"), ("UTC", "UTC"), ("Europe/Oslo", "Europe/Oslo"), ("America/New_York", "America/New_York"),
        ("Mars/Olympus", "Mars/Olympus"), ("", ""), ("../etc/passwd", "../etc/passwd"), ("Etc/GMT+5", "Etc/GMT+5"),
        ("us/central", "America/Chicago"), ("AMERICA/NEW_YORK", "America/New_York"), ("utc", "UTC"),
        ("gb", "Europe/London"),
        ("posix/US/Central", "America/Chicago"), ("right/Asia/Calcutta", "Asia/Kolkata"),
        ("America/New York", "America/New_York"), ("\u200bEurope/Oslo\u00a0\n", "Europe/Oslo"),
        ("\uff25urope/Oslo", "Europe/Oslo"), ("UTC+5", "UTC+5"), ("+05:00", "+05:00"), ("posix/Mars", "posix/Mars"),
    ],
)  # fmt: skip
def test_an_old_name_has_a_present_form(old: str, now: str) -> None:
    assert canonical(old) == now
    assert canonical(now) == now


def test_every_name_leads_to_a_zone_with_the_same_clock() -> None:
    moments = [dt.datetime(2026, month, 15, 12, tzinfo=dt.UTC) for month in (1, 4, 7, 10)]
    names = zoneinfo.available_timezones() - {"Factory", "localtime", "posixrules"}
    assert len(names) > 500
    for name in names:
        assert is_known(name)
        for moment in moments:
            clocks = [moment.astimezone(zone).utcoffset() for zone in (zone_of(name), zone_of(canonical(name)))]
            assert clocks[0] == clocks[1], name


@pytest.mark.parametrize(
    "name",
    [
        "Mars/Olympus",
        "",
        "America",
        "UTC+5",
        "+05:00",
        "localtime",
        "Factory/x",
        "../../etc/x",
        "/etc/x",
        "a\x00b",
        "x" * 300,
    ],
)
def test_a_name_that_is_none_is_utc_and_the_log_says_so(name: str, caplog: pytest.LogCaptureFixture) -> None:
    zone_of.cache_clear()
    moment = dt.datetime(2026, 11, 28, 23, 30, tzinfo=dt.UTC)

    with caplog.at_level(logging.ERROR):
        assert [local_day(moment, name) for _ in range(2)] == [dt.date(2026, 11, 28)] * 2

    assert not is_known(name)
    assert len([record for record in caplog.records if "is not known" in record.message]) == 1


def test_a_machine_without_a_zone_is_no_zone_for_a_wallet() -> None:
    assert not is_known("Factory")


@pytest.mark.some_in_suite(1)
@pytest.mark.parametrize("machine", ["none", "empty", "broken"])
def test_what_the_machine_has_of_zones_does_not_matter(machine: str, tmp_path: Path) -> None:
    (tmp_path / "America").mkdir()
    (tmp_path / "America" / "New_York").write_bytes(b"no zone at all")
    path = {"none": "", "empty": str(tmp_path / "nothing"), "broken": str(tmp_path)}[machine]
    program = (
        "import django, datetime as dt; django.setup()\n"
        "from onecard.kit.clock import local_day; from issuing.limits.windows import day_window\n"
        "moment = dt.datetime(2026, 7, 1, 3, 30, tzinfo=dt.UTC)\n"
        "for zone in ('US/Central', 'America/New_York', 'Europe/Oslo', 'Mars/X'):\n"
        "    print(zone, local_day(moment, zone), day_window(local_day(moment, zone), zone).starts_at.hour)\n"
    )
    settings = {"DJANGO_SETTINGS_MODULE": "onecard.settings", "PYTHONTZPATH": path}

    ended = subprocess.run([sys.executable, "-c", program], env=os.environ | settings, capture_output=True, text=True)

    assert ended.stdout.splitlines() == [
        "US/Central 2026-06-30 5", "America/New_York 2026-06-30 4", "Europe/Oslo 2026-07-01 22", "Mars/X 2026-07-01 0",
    ], ended.stderr  # fmt: skip


def test_the_package_is_a_requirement_on_every_system() -> None:
    pinned = Path("requirements.txt").read_text(encoding="utf-8")

    assert f"\ntzdata=={version('tzdata')} \\\n" in pinned
