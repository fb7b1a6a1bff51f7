"""What is archived, how long each kind stays in the database, and how a month of it is read and dropped."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model
from psycopg import sql

from audit import trail
from audit.models import Entry
from issuing.body_compression import restored
from issuing.inbox import waiting
from issuing.models import EventBody
from onecard.archive.errors import ArchiveError
from onecard.kit.postgresql.partitions import Month, MonthlyTable
from onecard.kit.transactions import transaction

READ_AT_ONCE: Final = 1_000
# A large month is counted for longer than other statements may take.
_LONG: Final = "SET LOCAL statement_timeout = '1h'"
_PAGE: Final = sql.SQL(
    "SELECT {key}, row_to_json(t)::text FROM {partition} t WHERE {key} > %s ORDER BY {key} LIMIT {limit}"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A table whose old months may be archived; `variable` is the setting that says for how many months they stay.

    `blocked_by` counts what still needs a month, and `blocked_words` says what that is. `plain` makes a row readable
    without this product.
    """

    table: MonthlyTable
    model: type[Model]
    key: str
    variable: str
    blocked_by: Callable[[Month], int] = lambda _month: 0
    blocked_words: str = ""
    plain: Callable[[str], str] = lambda line: line

    @property
    def months(self) -> int:
        return int(getattr(settings, self.variable))

    def count(self, month: Month) -> int:
        with transaction(), connection.cursor() as cursor:
            cursor.execute(_LONG)
            cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(self._partition(month)))
            return int(cursor.fetchone()[0])

    def lines(self, month: Month) -> Iterator[bytes]:
        """Yields the month's rows in the order of their keys, each as a line of JSON."""
        page = _PAGE.format(
            key=sql.Identifier(self.key), partition=self._partition(month), limit=sql.Literal(READ_AT_ONCE)
        )
        after = 0
        while True:
            with connection.cursor() as cursor:
                cursor.execute(page, [after])
                rows = cursor.fetchall()
            yield from (self.plain(line).encode() + b"\n" for _key, line in rows)
            if len(rows) < READ_AT_ONCE:
                return
            after = rows[-1][0]

    def refuse_if_needed(self, month: Month) -> None:
        """Raises ArchiveError while something still needs this month."""
        count = self.blocked_by(month)
        if count:
            raise ArchiveError(f"{self.table.name} {month} stays: {count} {self.blocked_words}")

    def drop(self, month: Month, *, rows: int, file: dict[str, Any]) -> None:
        """Takes the month's partition out of the database, with an entry in the trail.

        Raises ArchiveError when the partition has another number of rows than were archived.
        """
        with transaction(), connection.cursor() as cursor:
            # The whole table is locked for a moment only. Whoever writes waits behind this, so it gives up soon.
            cursor.execute("SET LOCAL lock_timeout = '500ms'")
            cursor.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(self._partition(month)))
            if self.count(month) != rows:
                raise ArchiveError(f"{self.table.name} {month} got new rows meanwhile. Run the command again.")
            self.refuse_if_needed(month)
            names = {"table": sql.Identifier(self.table.name), "partition": self._partition(month)}
            cursor.execute(sql.SQL("ALTER TABLE {table} DETACH PARTITION {partition}").format(**names))
            cursor.execute(sql.SQL("DROP TABLE {partition}").format(**names))
            trail.record(
                actor="system:archive",
                action="archive.month_dropped",
                subject=ContentType.objects.get_for_model(self.model),
                table=self.table.name,
                month=str(month),
                rows=rows,
                **file,
            )

    def _partition(self, month: Month) -> sql.Identifier:
        return sql.Identifier(self.table.partition_of(month))


def _with_plain_body(line: str) -> str:
    row = json.loads(line)
    body = restored(bytes.fromhex(row["body"].removeprefix("\\x")))
    return json.dumps(row | {"body": "\\x" + body.hex()}, separators=(",", ":"))


def _events_to_be_applied(month: Month) -> int:
    first, next_first = (dt.datetime.combine(each.first_day, dt.time(), dt.UTC) for each in (month, month.plus(1)))
    return waiting.waiting().filter(received_at__gte=first, received_at__lt=next_first).count()


KEPT: Final = (
    Kept(
        MonthlyTable("issuing_eventbody", "received_at"),
        EventBody,
        key="event_id",
        variable="EVENT_BODY_MONTHS",
        blocked_by=_events_to_be_applied,
        blocked_words="of its events wait to be applied, for which their bodies are needed. See the inbox.",
        plain=_with_plain_body,
    ),
    Kept(MonthlyTable("audit_entry", "recorded_at"), Entry, key="id", variable="AUDIT_ENTRY_MONTHS"),
)
