"""Rankings as CSV, the format that can express every row: a header, then one ranking per line."""

import csv
import datetime as dt
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Final

from routing.models import RankingRow
from routing.rankings.entry import (
    FieldError,
    Known,
    Problem,
    RankingEntry,
    RankingsError,
    Reading,
    read_card_name,
    read_date,
    read_fee,
    read_mcc,
    read_network,
    read_rate,
    read_reward_type,
    shown,
)
from routing.rankings.sheet import Sheet, column_name, sheet_of

COLUMNS: Final = (
    "mcc",
    "scope",
    "product",
    "network",
    "card_name",
    "reward_rate",
    "reward_type",
    "annual_fee",
    "valid_from",
    "valid_to",
)
REQUIRED: Final = ("mcc", "scope", "reward_rate", "reward_type")
MOST_NAMED: Final = 12
# A spreadsheet takes such a cell for a formula. Apostrophes count too, so that a name with its own comes back whole.
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")


def read_csv(text: str, source: str, known: Known) -> Reading:
    """Reads the rankings of a CSV text with their lines; raises RankingsError when it is not CSV with our header.

    Spreadsheets write other separators than commas, a line `sep=;`, columns without a name at the end, and decimal
    commas. All of these are read where only one meaning is possible.
    """
    sheet = sheet_of(text)
    lines = _lines(sheet, source)
    _, header = next(lines, (1, []))
    columns = [column_name(cell) for cell in header]
    _check_header(columns, source, sheet)
    reading, readers = Reading(), _Readers.of(known, sheet)
    for line, cells in lines:
        try:
            reading.entries.append(_read_entry(line, _named(columns, cells), readers))
        except FieldError as error:
            reading.problems.append(Problem(line, str(error), error.column))
    return reading


def write_csv(rows: Iterable[RankingRow]) -> tuple[str, int]:
    """Returns all rows as text, and their number; `annual_fee` is in US dollars."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    lines = [_as_line(row) for row in rows]
    writer.writerows(lines)
    return file.getvalue(), len(lines)


def _lines(sheet: Sheet, source: str) -> Iterator[tuple[int, list[str]]]:
    """Yields each line that is not blank, with the line number that an editor shows."""
    reader = csv.reader(
        io.StringIO(sheet.text, newline=""), strict=True, delimiter=sheet.separator, skipinitialspace=True
    )
    start = sheet.first_line
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                yield start, cells
            start = sheet.first_line + reader.line_num
    except csv.Error as error:
        raise RankingsError(f"{source} is not CSV: {error}, from line {start} on. Nothing was imported.") from error


def _check_header(columns: list[str], source: str, sheet: Sheet) -> None:
    expected = f"The first line names the columns: {', '.join(COLUMNS)}."
    found = f"Found were {len(columns)} columns between {sheet.in_words}: {_named_columns(columns)}."
    for name in REQUIRED:
        if name not in columns:
            raise RankingsError(f"{source} has no column {name}, so nothing was imported. {expected} {found}")
    for name in columns:
        if name and name not in COLUMNS:
            raise RankingsError(f"{source} has an unknown column {shown(name)}, so nothing was imported. {expected}")
        if name and columns.count(name) > 1:
            raise RankingsError(f"{source} has the column {name} twice, so nothing was imported. {expected}")


def _named_columns(columns: list[str]) -> str:
    names = ", ".join(shown(name) for name in columns[:MOST_NAMED])
    return names + (f" and {len(columns) - MOST_NAMED} more" if len(columns) > MOST_NAMED else "")


def _named(columns: list[str], cells: list[str]) -> dict[str, str]:
    """Returns the cells by column. Spreadsheets leave columns without a name at the end; those hold nothing."""
    if len(cells) < len(columns) or any(map(str.strip, cells[len(columns) :])):
        raise FieldError(f"there are {len(cells)} values for {len(columns)} columns")
    named = dict.fromkeys(COLUMNS, "")
    for name, cell in zip(columns, cells, strict=False):
        if name:
            named[name] = cell.strip()
        elif cell.strip():
            raise FieldError("there is a value in a column that the first line does not name")
    return named


@dataclass(frozen=True, slots=True)
class _Readers:
    """What reads the cells of one file. A cell's text comes again on many lines, so each text is read once."""

    mcc: Callable[[str], str]
    subject: Callable[[str, str, str], tuple[int | None, str]]
    card_name: Callable[[str], str]
    reward_rate: Callable[[str], Decimal]
    reward_type: Callable[[str], str]
    annual_fee_minor: Callable[[str], int]
    valid_from: Callable[[str], dt.date | None]
    valid_to: Callable[[str], dt.date | None]

    @classmethod
    def of(cls, known: Known, sheet: Sheet) -> "_Readers":
        return cls(
            mcc=cache(lambda cell: read_mcc(_with_zeros(cell, known), known)),
            subject=cache(lambda scope, product, network: _read_subject(scope, product, network, known)),
            card_name=cache(lambda cell: read_card_name(_from_cell(cell), "card_name")),
            reward_rate=cache(lambda cell: read_rate(_number(cell, sheet), "reward_rate")),
            reward_type=cache(lambda cell: read_reward_type(cell, "reward_type")),
            annual_fee_minor=cache(lambda cell: read_fee(_number(cell or "0", sheet), "annual_fee")),
            valid_from=cache(lambda cell: read_date(cell, "valid_from")),
            valid_to=cache(lambda cell: read_date(cell, "valid_to")),
        )


def _read_entry(line: int, cells: dict[str, str], read: _Readers) -> RankingEntry:
    mcc = read.mcc(cells["mcc"])
    product_id, network = read.subject(cells["scope"], cells["product"], cells["network"])
    entry = RankingEntry(
        line=line,
        mcc=mcc,
        product_id=product_id,
        network=network,
        card_name=read.card_name(cells["card_name"]),
        reward_rate=read.reward_rate(cells["reward_rate"]),
        reward_type=read.reward_type(cells["reward_type"]),
        annual_fee_minor=read.annual_fee_minor(cells["annual_fee"]),
        valid_from=read.valid_from(cells["valid_from"]),
        valid_to=read.valid_to(cells["valid_to"]),
    )
    if entry.valid_from and entry.valid_to and entry.valid_from > entry.valid_to:
        raise FieldError(f"valid_to {entry.valid_to} lies before valid_from {entry.valid_from}", "valid_to")
    return entry


def _read_subject(scope_cell: str, product: str, network: str, known: Known) -> tuple[int | None, str]:
    """Returns the id of a product or a network; the other one is empty."""
    scope = scope_cell.lower()
    if scope == RankingRow.Scope.NETWORK:
        if product:
            raise FieldError("scope network leaves the column product empty", "product")
        return None, read_network(network, "network")
    if scope != RankingRow.Scope.PRODUCT:
        raise FieldError(f"scope is {shown(scope_cell)}; it must be product or network", "scope")
    if network:
        raise FieldError("scope product leaves the column network empty", "network")
    if product not in known.product_ids:
        raise FieldError(
            f"product is {shown(product)}; no card product has that key, so add it first or mend the key", "product"
        )
    return known.product_ids[product], ""


def _with_zeros(mcc: str, known: Known) -> str:
    """Returns the code with the leading zero that a spreadsheet removes, if that is a code: 742 is 0742."""
    return mcc.zfill(4) if re.fullmatch(r"[0-9]{3}", mcc) and mcc.zfill(4) in known.mccs else mcc


def _number(text: str, sheet: Sheet) -> Decimal | str:
    """Returns plain digits as a number, and anything else unchanged for the message.

    A comma is a decimal comma where it does not separate the columns.
    """
    plain = text.replace(",", ".", 1) if sheet.separator != "," and "." not in text else text
    return Decimal(plain) if re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", plain) else text


def _as_cell(name: str) -> str:
    """Returns a name that a spreadsheet takes for no formula: an apostrophe before what would begin one."""
    return f"'{name}" if _FORMULA.match(name) else name


def _from_cell(cell: str) -> str:
    """Takes away the apostrophe that `_as_cell` adds, and none of the name's own."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell


def _as_line(row: RankingRow) -> tuple[object, ...]:
    return (
        row.mcc,
        row.scope,
        row.product.key if row.product else "",
        row.network,
        _as_cell(row.card_name),
        f"{row.reward_rate.normalize():f}",
        row.reward_type,
        f"{Decimal(row.annual_fee_minor).scaleb(-2):.2f}",
        row.valid_from or "",
        row.valid_to or "",
    )
