"""Old months go into files, checked, before they leave the database; and nothing else leaves it."""

import datetime as dt
import gzip
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from audit.models import Entry
from issuing.inbox import bodies, unapplied
from issuing.models import EventBody, IssuerEvent
from onecard.archive import files
from onecard.archive.errors import ArchiveError
from onecard.archive.tables import KEPT
from onecard.kit import clock
from onecard.kit.postgresql import partitions
from onecard.kit.postgresql.partitions import Month
from tests.support import stripe_events
from tests.support.back_office import logged_in
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db

OLD = dt.datetime(2024, 2, 10, 12, tzinfo=dt.UTC)
OLD_MONTH = Month(2024, 2)
NAME = "issuing_eventbody-2024-02"
RAW = b'{"\xff": 1}'
BODIES, ENTRIES = KEPT


def event(name: str, *, at: dt.datetime = OLD, status: str = "handled", body: bytes = RAW) -> IssuerEvent:
    made = IssuerEvent.objects.create(provider="stripe", event_id=name, received_at=at, status=status)
    bodies.keep(made, body)
    return made


def archive(folder: Path, *, before: str = "2024-03", **more: Any) -> str:
    out = io.StringIO()
    call_command("archive", before=before, to=str(folder), stdout=out, stderr=out, **more)
    return out.getvalue()


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def kept_months() -> list[Month]:
    return BODIES.table.months()


def test_an_old_month_is_in_a_file_and_no_more_in_the_database(tmp_path: Path) -> None:
    old, young = event("evt_1"), event("evt_2", at=clock.now())

    shown = archive(tmp_path)

    path = tmp_path / f"{NAME}.jsonl.gz"
    assert f"issuing_eventbody 2024-02: 1 rows are in {path}." in shown
    assert rows_of(path) == [
        {"event_id": old.pk, "received_at": "2024-02-10T12:00:00+00:00", "body": "\\x" + RAW.hex()}
    ]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (tmp_path / f"{NAME}.jsonl.gz.sha256").read_text() == f"{digest}  {path.name}\n"
    assert (tmp_path / f"{NAME}.jsonl.gz.rows").read_text() == "1\n"
    assert list(EventBody.objects.values_list("event_id", flat=True)) == [young.pk]
    assert OLD_MONTH not in kept_months()
    assert IssuerEvent.objects.count() == 2
    (entry,) = Entry.objects.filter(action="archive.month_dropped", details__rows=1)
    assert (entry.details["month"], entry.details["sha256"]) == ("2024-02", digest)


def test_entries_of_the_trail_are_archived_after_their_own_time(tmp_path: Path) -> None:
    at = dt.datetime(2019, 1, 31, 23, 59, tzinfo=dt.UTC)
    old = Entry.objects.create(recorded_at=at, actor="user:1", action="x.y", subject_type="x", subject_id="é")

    archive(tmp_path, before="2019-02")

    (row,) = rows_of(tmp_path / "audit_entry-2019-01.jsonl.gz")
    assert (row["id"], row["subject_id"]) == (old.pk, "é")
    assert not Entry.objects.filter(pk=old.pk).exists()


def test_a_dry_run_writes_and_drops_nothing(tmp_path: Path) -> None:
    event("evt_1")
    partitions.add_all_months()

    assert "issuing_eventbody 2024-02: 1 rows would be archived." in archive(tmp_path, dry_run=True)

    assert list(tmp_path.iterdir()) == []
    assert EventBody.objects.count() == 1


def test_a_young_month_is_refused(tmp_path: Path) -> None:
    event("evt_1", at=clock.now())
    latest = Month.of(clock.now()).plus(-13)

    with pytest.raises(CommandError, match=rf"^Nothing was archived\. .*its latest --before is {latest}\."):
        archive(tmp_path, before=str(latest.plus(1)))

    assert EventBody.objects.count() == 1
    assert list(tmp_path.iterdir()) == []


def test_a_table_that_is_kept_longer_is_left_alone_and_said(tmp_path: Path) -> None:
    event("evt_1")
    Entry.objects.create(recorded_at=OLD, actor="user:1", action="x.y", subject_type="x", subject_id="1")

    assert "audit_entry is kept for 84 months (AUDIT_ENTRY_MONTHS)" in archive(tmp_path)

    assert Entry.objects.filter(recorded_at=OLD).exists()
    assert not EventBody.objects.exists()


def test_the_last_whole_month_that_must_stay_stays(tmp_path: Path, settings: Any) -> None:
    settings.EVENT_BODY_MONTHS = 3
    this = Month.of(clock.now())
    for months, name in ((3, "evt_stays"), (4, "evt_goes")):
        event(name, at=dt.datetime.combine(this.plus(-months).first_day, dt.time(), dt.UTC))

    with pytest.raises(CommandError, match="Nothing was archived"):
        archive(tmp_path, before=str(this.plus(-2)))
    archive(tmp_path, before=str(this.plus(-3)))

    assert [each.event_id for each in IssuerEvent.objects.all() if bodies.bodies_of([each])] == ["evt_stays"]


def test_a_month_with_an_event_that_waits_stays(tmp_path: Path) -> None:
    event("evt_1", status="received")

    with pytest.raises(CommandError, match="2024-02 stays: 1 of its events wait to be applied"):
        archive(tmp_path)

    assert EventBody.objects.count() == 1


@pytest.mark.parametrize("left", ["a part", "the file", "file and digest"])
def test_a_killed_run_is_taken_up(tmp_path: Path, left: str) -> None:
    event("evt_1")
    partitions.add_all_months()
    if left == "a part":
        (tmp_path / f"{NAME}.abc.part").write_bytes(b"\x1f\x8bhalf")
    else:
        files.store(tmp_path, NAME, lambda: BODIES.lines(OLD_MONTH))
    if left == "the file":
        (tmp_path / f"{NAME}.jsonl.gz.sha256").unlink()

    archive(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{NAME}.jsonl.gz", f"{NAME}.jsonl.gz.rows", f"{NAME}.jsonl.gz.sha256",
    ]  # fmt: skip
    assert EventBody.objects.count() == 0


@pytest.mark.parametrize(
    "damaged",
    [b"", b"no gzip", b"\x1f\x8b\x08", gzip.compress(b'{"other": "rows"}\n', mtime=0)],
    ids=["empty", "no gzip", "cut", "other rows"],
)
def test_a_file_with_other_rows_is_never_written_again(tmp_path: Path, damaged: bytes) -> None:
    event("evt_1")
    (tmp_path / f"{NAME}.jsonl.gz").write_bytes(damaged)

    archive(tmp_path)

    assert (tmp_path / f"{NAME}.jsonl.gz").read_bytes() == damaged
    assert len(rows_of(tmp_path / f"{NAME}.2.jsonl.gz")) == 1


def test_a_second_run_does_nothing(tmp_path: Path) -> None:
    event("evt_1")
    archive(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    assert "issuing_eventbody: nothing to archive." in archive(tmp_path)

    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_is_not_read_back_as_written_is_not_dropped(tmp_path: Path) -> None:
    read = iter([[b"one\n"], [b"other\n"]])

    with pytest.raises(ArchiveError, match="does not hold what is in the database"):
        files.store(tmp_path, NAME, lambda: next(read))


def test_a_row_that_came_meanwhile_keeps_its_month() -> None:
    event("evt_1")
    partitions.add_all_months()

    with pytest.raises(ArchiveError, match="got new rows meanwhile"):
        BODIES.drop(OLD_MONTH, rows=0, file={})

    assert OLD_MONTH in kept_months()


def test_many_rows_are_read_in_parts(tmp_path: Path) -> None:
    numbers = range(1, 2_501)
    EventBody.objects.bulk_create(EventBody(event_id=n, received_at=OLD, body=b"") for n in numbers)

    archive(tmp_path)

    assert [row["event_id"] for row in rows_of(tmp_path / f"{NAME}.jsonl.gz")] == list(numbers)


def test_a_role_that_owns_nothing_is_told_so(tmp_path: Path) -> None:
    event("evt_1")
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE archive_test; SET LOCAL ROLE archive_test")

    with pytest.raises(CommandError, match="the role that runs the migrations"):
        archive(tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("before", "sentence"), [("2024-13", "write a month"), ("yesterday", "write a month"), ("0", "write a month")]
)
def test_an_odd_month_is_refused(tmp_path: Path, before: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        archive(tmp_path, before=before)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="which is no folder"):
        archive(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_staff_read_that_a_body_is_archived(tmp_path: Path) -> None:
    old = event("evt_1")
    archive(tmp_path)

    page = logged_in().get(reverse("admin:issuing_issuerevent_change", args=[old.pk])).content.decode()

    assert "it was archived" in page
    with pytest.raises(unapplied.NothingToRetryError, match="it was archived"):
        unapplied.send_through_again(old, actor="user:1", reason="It should have counted.")
    old.refresh_from_db()
    assert old.status == "handled"


def test_an_event_with_an_archived_body_still_counts_once(tmp_path: Path) -> None:
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    first = stripe_events.post(asked).content
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE issuing_eventbody")

    assert stripe_events.post(asked).content == first

    assert (IssuerEvent.objects.count(), EventBody.objects.count()) == (1, 0)
