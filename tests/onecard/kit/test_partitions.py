"""Months are made ahead, and a row whose month nobody has made is never refused and never lost."""

import datetime as dt
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from audit import tasks
from audit.models import Entry
from issuing.models import EventBody
from onecard.desk.health import machinery
from onecard.kit import clock, common_values, row_counts
from onecard.kit.postgresql import partitions
from onecard.kit.postgresql.partitions import Month, MonthlyTable

pytestmark = pytest.mark.django_db

TRAIL = MonthlyTable("audit_entry", "recorded_at")
LONG_AGO = dt.datetime(2024, 2, 29, 23, 59, 59, 999999, dt.UTC)


def entry(at: dt.datetime) -> Entry:
    return Entry.objects.create(recorded_at=at, actor="user:1", action="x.y", subject_type="x", subject_id="1")


def where(row: Entry) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM audit_entry WHERE id = %s", [row.pk])
        return str(cursor.fetchone()[0])


def this_month() -> Month:
    return Month.of(clock.now().astimezone(dt.UTC))


def test_migrations_make_this_month_and_two_more() -> None:
    ahead = [this_month().plus(n) for n in range(3)]
    assert [table.name for table in partitions.tables()] == ["audit_entry", "issuing_eventbody"]
    assert all(set(ahead) <= set(table.months()) for table in partitions.tables())


def test_a_row_lies_in_the_partition_of_its_month() -> None:
    assert where(entry(clock.now())) == TRAIL.partition_of(this_month())


def test_a_row_of_a_month_that_nobody_made_is_taken_and_put_there_later() -> None:
    last, next_first = entry(LONG_AGO), entry(LONG_AGO + dt.timedelta(microseconds=1))
    assert (where(last), partitions.rows_without_month(TRAIL)) == (TRAIL.default, 2)

    tasks.add_months()

    assert (where(last), where(next_first)) == ("audit_entry_2024_02", "audit_entry_2024_03")
    assert partitions.rows_without_month(TRAIL) == 0
    assert set(Entry.objects.filter(pk__in=[last.pk, next_first.pk])) == {last, next_first}


def test_months_are_added_once() -> None:
    entry(LONG_AGO)
    assert partitions.add_months(TRAIL) > 0
    assert partitions.add_months(TRAIL) == 0


def test_a_wrong_clock_makes_a_year_of_months_at_most() -> None:
    far = entry(dt.datetime(9998, 1, 1, tzinfo=dt.UTC))

    partitions.add_months(TRAIL)

    assert TRAIL.months()[-1] == this_month().plus(12)
    assert where(far) == TRAIL.default


@pytest.mark.parametrize("at", [None, LONG_AGO])
def test_entries_are_evidence_in_every_partition(at: dt.datetime | None) -> None:
    row = entry(at or clock.now())
    if at:
        partitions.add_months(TRAIL)
    for statement in ("UPDATE {} SET actor = 'nobody'", "DELETE FROM {}"):
        for table in (TRAIL.name, where(row)):
            with pytest.raises(DatabaseError, match="evidence"), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement.format(table))
    assert Entry.objects.get(pk=row.pk).actor == "user:1"


@pytest.mark.parametrize("table", ["wallet_case", "nothing", "audit_entry; DROP TABLE audit_entry", 'a"b'])
def test_only_tables_of_months_get_months(table: str) -> None:
    with pytest.raises(DatabaseError, match="is no table of months"), transaction.atomic():
        partitions_added(table)
    assert Entry.objects.count() == 0


def test_a_role_without_tables_may_have_months_made() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE months_test; SET LOCAL ROLE months_test")
        with pytest.raises(DatabaseError, match="must be owner"), transaction.atomic():
            cursor.execute("ALTER TABLE audit_entry DETACH PARTITION audit_entry_default")
    assert partitions_added(TRAIL.name, until=this_month().plus(5)) == 3


def test_the_health_page_tells_of_rows_without_a_month() -> None:
    assert health() == ("good", "The next month is there, and every row lies in its month.")

    entry(LONG_AGO)

    assert health() == ("warn", "Rows came before their month was made: audit_entry: 1.")


def test_the_health_page_tells_of_a_missing_month() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {TRAIL.partition_of(this_month().plus(1))}")

    assert health() == ("warn", "The next month is missing: audit_entry.")


def health() -> tuple[str, str]:
    (item,) = machinery.months()
    return item.state, item.measured


def partitions_added(table: str, *, until: Month | None = None) -> Any:
    with connection.cursor() as cursor:
        days = [this_month().first_day, (until or this_month()).first_day]
        cursor.execute("SELECT onecard_add_partitions(%s, %s, %s)", [table, *days])
        return cursor.fetchone()[0]


def test_rows_and_values_of_all_months_are_known_without_reading_them() -> None:
    partitions_added(TRAIL.name)
    Entry.objects.bulk_create(
        Entry(recorded_at=at, actor="user:1", action="x.y", subject_type=kind, subject_id="1")
        for at, kind in ((clock.now(), "case"), (LONG_AGO, "card"))
        for _ in range(30)
    )
    tasks.add_months()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_entry_2024_02")
        cursor.execute(f"ANALYZE {TRAIL.partition_of(this_month())}")
    row_counts.forget()

    assert row_counts.rows_about(Entry) == 60
    assert common_values.common_values(Entry, "subject_type") == ["card", "case"]


@pytest.mark.parametrize("partition", ["default", "month"])
def test_bodies_are_compressed_within_their_row(partition: str) -> None:
    body = b'{"one": "and the same"}' * 300
    EventBody.objects.create(event_id=1, received_at=LONG_AGO if partition == "default" else clock.now(), body=body)

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_column_size(body) FROM issuing_eventbody")
        (size,) = cursor.fetchone()
        cursor.execute(
            "SELECT attstorage::text FROM pg_attribute WHERE attname = 'body' AND attrelid IN "
            "(SELECT inhrelid FROM pg_inherits WHERE inhparent = 'issuing_eventbody'::regclass)"
        )
        assert {storage for (storage,) in cursor.fetchall()} == {"m"}
    assert size < len(body) / 10
