"""The bad lines of a run as a file for machines: JSON lines, or CSV for a spreadsheet."""

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from issuing.legacy.importing import BadLine
from onecard.kit.errors import OneCardError

COLUMNS: Final = ("file", "line", "kind", "reason")
ENDINGS: Final = (".jsonl", ".json", ".ndjson", ".csv")
# A spreadsheet takes these at the beginning of a cell for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class ReportError(OneCardError):
    """The report cannot be written where it is wanted."""

    code = "legacy_report"


@contextmanager
def report_file(path: Path) -> Iterator[Callable[[BadLine], None]]:
    """Opens the report anew; raises ReportError for another ending, and OSError when it cannot be written."""
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise ReportError(f"{path.name} ends in none of {', '.join(ENDINGS)}, so its format is not known.")
    with path.open("w", encoding="utf-8", newline="") as file:
        yield _csv_writer(file) if ending == ".csv" else _json_writer(file)


def _json_writer(file: TextIO) -> Callable[[BadLine], None]:
    def write(bad: BadLine) -> None:
        file.write(json.dumps(dict(zip(COLUMNS, _values(bad), strict=True)), ensure_ascii=False) + "\n")
        file.flush()

    return write


def _csv_writer(file: TextIO) -> Callable[[BadLine], None]:
    rows = csv.writer(file)
    rows.writerow(COLUMNS)

    def write(bad: BadLine) -> None:
        rows.writerow([f"'{value}" if str(value).startswith(_FORMULA) else value for value in _values(bad)])
        file.flush()

    return write


def _values(bad: BadLine) -> tuple[str, int, str, str]:
    return bad.place.file, bad.place.line, bad.kind, bad.reason
