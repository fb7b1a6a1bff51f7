"""Rankings as CSV, the format that can express every row: a header, then one ranking a line."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from routing.models import RankingRow
from routing.rankings_entry import (
    Entry,
    FieldError,
    Known,
    Problem,
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


def read_csv(text: str, source: str, known: Known) -> Reading:
    """The rankings of a CSV text, each with its line; raises RankingsError when it is not CSV with our header."""
    lines = _lines(text, source)
    _, header = next(lines)
    columns = [name.strip().lower() for name in header]
    _check_header(columns, source)
    reading = Reading()
    for line, cells in lines:
        try:
            reading.entries.append(_read_entry(line, _named(columns, cells), known))
        except FieldError as error:
            reading.problems.append(Problem(line, str(error)))
    return reading


def write_csv(rows: Iterable[RankingRow]) -> tuple[str, int]:
    """All the rows as text, and their number; `annual_fee` is in US dollars."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    lines = [_as_line(row) for row in rows]
    writer.writerows(lines)
    return file.getvalue(), len(lines)


def _lines(text: str, source: str) -> Iterator[tuple[int, list[str]]]:
    """Each line that is not blank, with the number that an editor shows where it starts."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    start = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        raise RankingsError(f"{source} is not CSV: {error}, from line {start} on. Nothing was imported.") from error


def _check_header(columns: list[str], source: str) -> None:
    expected = f"The first line names the columns: {', '.join(COLUMNS)}."
    for name in REQUIRED:
        if name not in columns:
            raise RankingsError(f"{source} has no column {name}, so nothing was imported. {expected}")
    for name in columns:
        if name not in COLUMNS:
            raise RankingsError(f"{source} has an unknown column {shown(name)}, so nothing was imported. {expected}")
        if columns.count(name) > 1:
            raise RankingsError(f"{source} has the column {name} twice, so nothing was imported. {expected}")


def _named(columns: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) != len(columns):
        raise FieldError(f"there are {len(cells)} values for {len(columns)} columns")
    return dict.fromkeys(COLUMNS, "") | {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}


def _read_entry(line: int, cells: dict[str, str], known: Known) -> Entry:
    mcc = read_mcc(cells["mcc"], known)
    product_id, network = _read_subject(cells, known)
    entry = Entry(
        line=line,
        mcc=mcc,
        product_id=product_id,
        network=network,
        card_name=read_card_name(cells["card_name"], "card_name"),
        reward_rate=read_rate(_number(cells["reward_rate"]), "reward_rate"),
        reward_type=read_reward_type(cells["reward_type"], "reward_type"),
        annual_fee_minor=read_fee(_number(cells["annual_fee"] or "0"), "annual_fee"),
        valid_from=read_date(cells["valid_from"], "valid_from"),
        valid_to=read_date(cells["valid_to"], "valid_to"),
    )
    if entry.valid_from and entry.valid_to and entry.valid_from > entry.valid_to:
        raise FieldError(f"valid_to {entry.valid_to} lies before valid_from {entry.valid_from}")
    return entry


def _read_subject(cells: dict[str, str], known: Known) -> tuple[int | None, str]:
    """What the row is about: the id of a product, or a network; the other one is empty."""
    scope, product, network = cells["scope"].lower(), cells["product"], cells["network"]
    if scope == RankingRow.Scope.NETWORK:
        if product:
            raise FieldError("scope network leaves the column product empty")
        return None, read_network(network, "network")
    if scope != RankingRow.Scope.PRODUCT:
        raise FieldError(f"scope is {shown(cells['scope'])}; it must be product or network")
    if network:
        raise FieldError("scope product leaves the column network empty")
    if product not in known.product_ids:
        raise FieldError(f"product is {shown(product)}; no card product has that key, so add it first or mend the key")
    return known.product_ids[product], ""


def _number(text: str) -> Decimal | str:
    """Plain digits become a number; anything else stays as it is, for the message."""
    return Decimal(text) if re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text) else text


def _as_line(row: RankingRow) -> tuple[object, ...]:
    return (
        row.mcc,
        row.scope,
        row.product.key if row.product else "",
        row.network,
        row.card_name,
        f"{row.reward_rate.normalize():f}",
        row.reward_type,
        f"{Decimal(row.annual_fee_minor).scaleb(-2):.2f}",
        row.valid_from or "",
        row.valid_to or "",
    )
