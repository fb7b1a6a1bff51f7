"""The archive's process is killed at a line of it, and started again: no row is lost, and each month is in one file.

By itself this file tries a few lines, in `make proofs` every one. ARCHIVE_DEATHS says how many.
"""

import datetime as dt
import gzip
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from issuing.models import EventBody
from onecard.archive import run
from onecard.kit import clock
from onecard.kit.postgresql import partitions
from onecard.kit.postgresql.partitions import Month
from tests.faults import kills
from tests.support.lengths import length

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in_proofs, pytest.mark.timeout(600)]

DEATHS = length("ARCHIVE_DEATHS", short=12, whole=10_000)
OURS = ("/onecard/archive/", "/commands/archive.py", "/postgresql/partitions.py")
THIS = Month.of(clock.now())
OLD = THIS.plus(-4)
NAME = f"issuing_eventbody-{OLD}.jsonl.gz"


@pytest.fixture(autouse=True)
def _no_months_stay(settings: Any) -> Iterator[None]:
    settings.EVENT_BODY_MONTHS = 3
    before = {table: set(table.months()) for table in partitions.tables()}
    yield
    with connection.cursor() as cursor:
        for table, months in before.items():
            for month in set(table.months()) - months:
                cursor.execute(f"DROP TABLE {table.partition_of(month)}")


def test_a_death_at_any_line_loses_no_row_and_is_made_up_for(tmp_path: Path) -> None:
    # Here first: it makes the months between, which stay, and reads the modules, whose lines would count as well.
    lived(tmp_path / "first", die_at=1)
    archive(tmp_path / "first")
    lines = int(lived(tmp_path / "whole", die_at=0).said[0])
    deaths = sorted({1 + lines * n // min(DEATHS, lines) for n in range(min(DEATHS, lines))})

    for line in deaths:
        folder = tmp_path / str(line)
        assert lived(folder, die_at=line).was_killed, line
        is_there = EventBody.objects.exists()
        assert is_there or rows_of(folder), f"line {line}: the row is nowhere"

        archive(folder)

        assert rows_of(folder) == [1, 2], f"line {line}"
        assert not EventBody.objects.exists()
        assert {path.name for path in folder.iterdir()} == {NAME, f"{NAME}.sha256", f"{NAME}.rows"}, f"line {line}"


def lived(folder: Path, *, die_at: int) -> kills.Death:
    """A run over a month with two rows, in a process of its own that is killed at its n-th line; at 0 it counts."""
    folder.mkdir()
    at = dt.datetime.combine(OLD.first_day, dt.time(12), dt.UTC)
    EventBody.objects.bulk_create(EventBody(event_id=n, received_at=at, body=b"{}") for n in (1, 2))

    def act(say: kills.Say) -> None:
        reached = 0

        def count(frame: Any, what: str, _argument: object) -> Any:
            nonlocal reached
            if not any(part in frame.f_code.co_filename for part in OURS):
                return None
            reached += what == "line"
            if reached == die_at > 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return count

        sys.settrace(count)
        archive(folder)
        sys.settrace(None)
        say(str(reached).encode())

    return kills.live(act)


def archive(folder: Path) -> None:
    with (folder.parent / "said").open("a") as said:
        call_command("archive", before=str(OLD.plus(1)), to=str(folder), stdout=said, stderr=said)


def rows_of(folder: Path) -> list[int]:
    path = folder / NAME
    if not path.exists():
        return []
    return [json.loads(line)["event_id"] for line in gzip.decompress(path.read_bytes()).splitlines()]


def test_a_table_in_use_keeps_its_month_and_the_file_is_used_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "ATTEMPTS", 2)
    monkeypatch.setattr(run, "PAUSE_S", 0)
    lived(tmp_path / "folder", die_at=1)
    given = connection.get_connection_params()
    place = {name: given[name] for name in ("host", "port", "dbname", "user", "password") if name in given}
    with psycopg.connect(**place) as other:
        partitions.add_all_months()
        other.execute("SELECT FROM issuing_eventbody")
        with pytest.raises(CommandError, match="is in use all the time"):
            archive(tmp_path / "folder")
    assert EventBody.objects.count() == 2
    file = (tmp_path / "folder" / NAME).stat()

    archive(tmp_path / "folder")

    assert (tmp_path / "folder" / NAME).stat().st_mtime_ns == file.st_mtime_ns
    assert not EventBody.objects.exists()
