"""Rankings as CSV, the format that can express every row: a header, then one ranking per line."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
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
    reading = Reading()
    for line, cells in lines:
        try:
            reading.entries.append(_read_entry(line, _named(columns, cells), known, sheet))
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
            if any(cell.strip() for cell in cells):
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
    if len(cells) < len(columns) or any(cell.strip() for cell in cells[len(columns) :]):
        raise FieldError(f"there are {len(cells)} values for {len(columns)} columns")
    pairs = [(name, cell.strip()) for name, cell in zip(columns, cells, strict=False)]
    if any(cell and not name for name, cell in pairs):
        raise FieldError("there is a value in a column that the first line does not name")
    return dict.fromkeys(COLUMNS, "") | {name: cell for name, cell in pairs if name}


def _read_entry(line: int, cells: dict[str, str], known: Known, sheet: Sheet) -> RankingEntry:
    mcc = read_mcc(_with_zeros(cells["mcc"], known), known)
    product_id, network = _read_subject(cells, known)
    entry = RankingEntry(
        line=line,
        mcc=mcc,
        product_id=product_id,
        network=network,
        card_name=read_card_name(_from_cell(cells["card_name"]), "card_name"),
        reward_rate=read_rate(_number(cells["reward_rate"], sheet), "reward_rate"),
        reward_type=read_reward_type(cells["reward_type"], "reward_type"),
        annual_fee_minor=read_fee(_number(cells["annual_fee"] or "0", sheet), "annual_fee"),
        valid_from=read_date(cells["valid_from"], "valid_from"),
        valid_to=read_date(cells["valid_to"], "valid_to"),
    )
    if entry.valid_from and entry.valid_to and entry.valid_from > entry.valid_to:
        raise FieldError(f"valid_to {entry.valid_to} lies before valid_from {entry.valid_from}", "valid_to")
    return entry


def _read_subject(cells: dict[str, str], known: Known) -> tuple[int | None, str]:
    """Returns the id of a product or a network; the other one is empty."""
    scope, product, network = cells["scope"].lower(), cells["product"], cells["network"]
    if scope == RankingRow.Scope.NETWORK:
        if product:
            raise FieldError("scope network leaves the column product empty", "product")
        return None, read_network(network, "network")
    if scope != RankingRow.Scope.PRODUCT:
        raise FieldError(f"scope is {shown(cells['scope'])}; it must be product or network", "scope")
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
