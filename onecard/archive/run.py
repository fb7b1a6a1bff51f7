"""Archives months: first a file that was read again and compared, then the partition goes.

A run may be killed anywhere. Before the partition is dropped the file may be there or not, and a new run takes it or
writes it; afterwards nothing is left to do.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.db import OperationalError, ProgrammingError, connection
from psycopg import errors

from onecard.archive import files
from onecard.archive.errors import ArchiveError
from onecard.archive.tables import KEPT, Kept
from onecard.kit import clock
from onecard.kit.postgresql.partitions import Month
from onecard.kit.transactions import require_no_transaction

ATTEMPTS: Final = 20
PAUSE_S: Final = 1.0
Progress = Callable[[int], Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """The months of one table that are archived, and the first that stays whatever was asked for."""

    kept: Kept
    months: list[Month]
    first_kept: Month
    is_too_young: bool


def plans(before: Month) -> list[Plan]:
    """Returns what is archived of each table, for all months before this one."""
    return [_plan(kept, before) for kept in KEPT]


def _plan(kept: Kept, before: Month) -> Plan:
    # A month stays so many months after its end.
    first_kept = Month.of(clock.now()).plus(-kept.months)
    months = [month for month in kept.table.months() if month < min(before, first_kept)]
    return Plan(kept, months, first_kept, is_too_young=before > first_kept)


def archive_month(kept: Kept, month: Month, folder: Path, *, progress: Progress = lambda _rows: None) -> dict[str, Any]:
    """Writes a month to a file and drops it from the database; returns the file's name, rows and SHA-256.

    Raises ArchiveError and OSError; then nothing was dropped.
    """
    require_no_transaction("Archiving")
    kept.refuse_if_needed(month)
    try:
        file = _stored(kept, month, folder, progress)
        _drop(kept, month, file)
    except ProgrammingError as error:
        if not isinstance(error.__cause__, errors.UndefinedTable):
            raise
        raise ArchiveError(f"Another run has archived {kept.table.name} {month} meanwhile. Run it again.") from error
    return file


def refuse_foreign_role() -> None:
    """Raises ArchiveError for a role that may not drop a partition, before anything is written."""
    with connection.cursor() as cursor:
        for kept in KEPT:
            cursor.execute(
                "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = %s::regclass", [kept.table.name]
            )
            if not cursor.fetchone()[0]:
                raise ArchiveError(
                    f"The database's role does not own {kept.table.name}. Run this with the DATABASE_URL of the role "
                    "that runs the migrations. Nothing was archived."
                )


def _stored(kept: Kept, month: Month, folder: Path, progress: Progress) -> dict[str, Any]:
    if not kept.count(month):
        return {"file": "", "rows": 0, "sha256": ""}
    name = f"{kept.table.name}-{month}"
    return files.store(folder, name, lambda: _counted(kept.lines(month), progress))


def _drop(kept: Kept, month: Month, file: dict[str, Any]) -> None:
    """Waits for a moment at which nobody uses the table, a short time again and again, so that nobody waits long."""
    rows, described = file["rows"], {name: file[name] for name in ("file", "sha256")}
    for attempt in range(1, ATTEMPTS + 1):
        try:
            kept.drop(month, rows=rows, file=described)
        except OperationalError as error:
            if not isinstance(error.__cause__, errors.LockNotAvailable | errors.DeadlockDetected):
                raise
            if attempt == ATTEMPTS:
                raise ArchiveError(
                    f"{kept.table.name} {month} is in use all the time. It is in {file['file']} and still in the "
                    "database; run the command again at a quieter time."
                ) from error
            time.sleep(PAUSE_S)
        else:
            return


def _counted(lines: Iterable[bytes], progress: Progress) -> Iterator[bytes]:
    for line in lines:
        yield line
        progress(1)
