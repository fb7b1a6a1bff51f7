"""Imports rankings from a file into the database, all or none, and exports them.

json_format.py and csv_format.py read the two formats; entry.py checks each ranking.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from audit.trail import record
from routing.models import MerchantCategory, RankingRow, Rulebook
from routing.rankings.changes import record_command
from routing.rankings.csv_format import read_csv, write_csv
from routing.rankings.entry import Known, RankingEntry, RankingsError, Reading, duplicates
from routing.rankings.formats import Format
from routing.rankings.json_format import read_json, write_json
from routing.rankings.published import Progress, Values, apply, published, writing_alone
from routing.rankings.sheet import encoding_of
from wallet.models import CardProduct

# A ranking of a file, and what is published in its place.
Difference = tuple[RankingEntry, Values | None]


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How many rows of the file were new, differed from the stored ones, or were stored already."""

    created: int
    updated: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Export:
    """A file's text, how many rows it has, and how many rows its format cannot express."""

    text: str
    rows: int
    left_out: int


def import_rankings(
    content: bytes,
    *,
    source: str,
    file_format: Format,
    actor: str = "system:import_rankings",
    update: bool = True,
    dry_run: bool = False,
    progress: Progress = lambda _done, _total: None,
) -> ImportResult:
    """Publishes every ranking of a file at once, or none; raises RankingsError that names each bad row by its line.

    It is for commands (docs/decisions/0047): staff import into a draft. Rows that are stored already stay untouched,
    and so do stored rows that the file does not name. With `update` off no stored row changes; with `dry_run` nothing
    is written. `progress` receives rows written and rows to write.
    """
    entries = read_entries(content, source=source, file_format=file_format)
    if dry_run:
        return _compare(entries, update=update)[1]
    busy = RankingsError(
        f"{source} was not imported: somebody else is changing the rules. Wait for that to end, then try again."
    )
    with writing_alone(busy):
        differences, result = _compare(entries, update=update)
        if differences:
            changes = record_command(differences, source=source, command=actor)
            apply(changes, progress)
            _record(actor, source, content, result)
    return result


def export_rankings(file_format: Format) -> Export:
    """Exports every ranking as CSV, or as JSON those that the walkthrough's shape can express."""
    stored = list(RankingRow.objects.select_related("product").order_by("mcc", "scope", "id"))
    text, written = write_csv(stored) if file_format == "csv" else write_json(stored)
    return Export(text, written, len(stored) - written)


def read_entries(content: bytes, *, source: str, file_format: Format) -> list[RankingEntry]:
    """Reads the rankings of a file in its order; raises RankingsError when the file or any row is wrong."""
    known = Known(
        mccs=frozenset(MerchantCategory.objects.values_list("code", flat=True)),
        product_ids=dict(CardProduct.objects.values_list("key", "id")),
    )
    reading = _read(_decode(content, source, file_format), source, file_format, known)
    problems = [*reading.problems, *duplicates(reading.entries)]
    if problems:
        raise RankingsError.of_rows(source, problems)
    if not reading.entries:
        raise RankingsError(f"{source} holds no rankings, so nothing was imported.")
    return reading.entries


def _decode(content: bytes, source: str, file_format: Format) -> str:
    try:
        # Spreadsheets begin with a byte order mark. It matters only for UTF-16.
        text = content.decode(encoding_of(content) if file_format == "csv" else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RankingsError(
            f"{source} is not UTF-8 text: line {line} has a byte that does not belong there. Save it as UTF-8."
        ) from error
    if not text.strip():
        raise RankingsError(f"{source} is empty, so nothing was imported.")
    return text


def _read(text: str, source: str, file_format: Format, known: Known) -> Reading:
    return read_csv(text, source, known) if file_format == "csv" else read_json(text, source, known)


def _compare(entries: Sequence[RankingEntry], *, update: bool) -> tuple[list[Difference], ImportResult]:
    """Returns the rankings to write, and the counts."""
    stored = published(entry.mcc for entry in entries)
    new = [entry for entry in entries if entry.key not in stored]
    changed = [entry for entry in entries if update and stored.get(entry.key, entry.values) != entry.values]
    result = ImportResult(len(new), len(changed), len(entries) - len(new) - len(changed))
    return [(entry, stored.get(entry.key)) for entry in (*new, *changed)], result


def _record(actor: str, source: str, content: bytes, result: ImportResult) -> None:
    details: dict[str, Any] = {
        "source": source,
        "sha256": hashlib.sha256(content).hexdigest(),
        "created": result.created,
        "updated": result.updated,
        "unchanged": result.unchanged,
    }
    record(actor=actor, action="rankings.imported", subject=Rulebook.objects.get(), **details)
