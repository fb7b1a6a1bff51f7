"""Reads a statement as CSV: the columns date, amount and reward; every other column is ignored and not kept. Pure.

Files come from banks and spreadsheets, so encodings, separators, currency signs and both decimal marks are read where
only one meaning is possible. Anything else is a sentence with its line.
"""

import csv
import datetime as dt
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from onecard.kit.errors import OneCardError
from onecard.kit.masking import masked
from onecard.kit.money import MAX_AMOUNT_MINOR, currency_exponent
from onecard.kit.separators import localised
from onecard.kit.words import Words
from routing.rankings.sheet import Sheet, column_name, encoding_of, sheet_of

MOST_BYTES: Final = 1_000_000
MOST_LINES: Final = 5_000
PROBLEMS_SHOWN: Final = 20
SHOWN_CHARACTERS: Final = 40
OLDEST: Final = dt.timedelta(days=3660)
MICRO_PLACES: Final = 6
MOST_UNITS: Final = Decimal(10**9)
# What banks call the three columns.
COLUMNS: Final = {
    "date": ("date", "transaction_date", "trans._date", "trans_date", "posted", "posted_on", "post_date",
             "posting_date", "datum", "buchungsdatum"),
    "amount": ("amount", "transaction_amount", "betrag"),
    "reward": ("reward", "rewards", "reward_posted", "rewards_earned", "points", "miles", "cash_back", "cashback",
               "bonus", "punkte"),
}  # fmt: skip
NAMES: Final = frozenset(name for names in COLUMNS.values() for name in names)
# Day and month of 03/04/2026 are in the order of the cards' country, the United States.
DATES: Final = ((r"\d{4}-\d{2}-\d{2}", "%Y-%m-%d"), (r"\d{1,2}/\d{1,2}/\d{4}", "%m/%d/%Y"),
                (r"\d{1,2}\.\d{1,2}\.\d{4}", "%d.%m.%Y"))  # fmt: skip
_MOST_LINES: Final = lazy(lambda: localised(f"{MOST_LINES:,}"), str)()
_SIGNS: Final = re.compile(r"[$€£\s\u00a0]|USD|EUR")


class StatementError(OneCardError):
    """A file is no statement that can be imported; the message names every reason. Nothing was written."""

    code = "invalid_statement"

    @classmethod
    def of_lines(cls, problems: list[tuple[int, Words]]) -> "StatementError":
        """Builds one message for all bad lines; from the 21st on they are only counted."""
        words: list[Words] = [
            format_lazy(_("line {line}: {problem}"), line=line, problem=said)
            for line, said in problems[:PROBLEMS_SHOWN]
        ]
        if len(problems) > PROBLEMS_SHOWN:
            words.append(format_lazy(_("and {count} more"), count=len(problems) - PROBLEMS_SHOWN))
        head = _("The file has mistakes, so nothing was imported:")
        return cls(
            format_lazy("{head} {problems}.", head=head, problems=format_lazy("; ".join(["{}"] * len(words)), *words))
        )


class Line(NamedTuple):
    """One line: minor units (a refund is below zero), and the units of its reward in millionths."""

    posted_on: dt.date
    amount_minor: int
    units_micro: int


class _BadCellError(Exception):
    """One cell is wrong; the words are the end of a sentence about its line, translated when they are shown."""

    def __init__(self, words: Words, **values: object) -> None:
        super().__init__()
        self.words = format_lazy(words, **values)


@dataclass(frozen=True, slots=True)
class Form:
    """How a file's numbers are meant: the currency of its amounts, and rewards in money or in points."""

    currency: str
    in_money: bool
    today: dt.date


def read(content: bytes, form: Form) -> list[Line]:
    """Returns the lines of a file in their order; raises StatementError with a sentence for each mistake."""
    sheet = sheet_of(_decode(content), NAMES)
    rows = _rows(sheet)
    _number_of_header, header = next(rows, (1, []))
    places = _places(header)
    lines: list[Line] = []
    problems: list[tuple[int, Words]] = []
    for number, cells in rows:
        if len(lines) + len(problems) >= MOST_LINES:
            raise StatementError(format_lazy(_("The file has more than {most} lines: split it."), most=_MOST_LINES))
        try:
            lines.append(_line(cells, places, sheet, form))
        except _BadCellError as error:
            problems.append((number, error.words))
    if problems:
        raise StatementError.of_lines(problems)
    if not lines:
        raise StatementError(_("The file has a header and no lines, so nothing was imported."))
    return _with_sign(lines)


def _decode(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise StatementError(_("The file is larger than 1 MB: split it into several."))
    try:
        text = content.decode(encoding_of(content))
    except UnicodeDecodeError:
        raise StatementError(_("The file is not UTF-8 text. Save it as CSV in UTF-8, then import it again.")) from None
    if "\x00" in text:
        raise StatementError(_("The file is no text but something else. Export the statement as CSV."))
    if not text.strip():
        raise StatementError(_("The file is empty, so nothing was imported."))
    return text


def _rows(sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """Yields each line that is not blank, with the line number that an editor shows."""
    number = sheet.first_line
    try:
        # A file may name a separator that separates nothing, such as a quote.
        reader = csv.reader(io.StringIO(sheet.text, newline=""), delimiter=sheet.separator, skipinitialspace=True)
        for cells in reader:
            if any(map(str.strip, cells)):
                yield number, cells
            number = sheet.first_line + reader.line_num
    except (csv.Error, TypeError, ValueError):
        words = _("The file is not CSV from line {line} on, so nothing was imported.")
        raise StatementError(format_lazy(words, line=number)) from None


def _places(header: list[str]) -> dict[str, int]:
    """Returns where each of the three columns is."""
    names = [column_name(cell) for cell in header]
    found = {}
    for column, known in COLUMNS.items():
        places = [place for place, name in enumerate(names) if name in known]
        if not places:
            words = _("The file has no column {name}. Its first line names the columns: date, amount, reward.")
            raise StatementError(format_lazy(words, name=column))
        # A statement may have both the day of the purchase and that of its posting: the purchase's is first.
        if len(places) > 1 and column != "date":
            words = _("The file has more than one column for {name}: leave one of them.")
            raise StatementError(format_lazy(words, name=column))
        found[column] = places[0]
    return found


def _line(cells: list[str], places: dict[str, int], sheet: Sheet, form: Form) -> Line:
    if len(cells) <= max(places.values()):
        raise _BadCellError(_("it has {count} values, fewer than the first line"), count=len(cells))
    cell: Callable[[str], str] = lambda column: cells[places[column]].strip()  # noqa: E731
    amount = _number(cell("amount"), sheet, _("amount")).scaleb(currency_exponent(form.currency))
    if amount != int(amount) or abs(amount) > MAX_AMOUNT_MINOR:
        words = _("the amount {text} is no amount of {currency}")
        raise _BadCellError(words, text=_shown(cell("amount")), currency=form.currency)
    units = _number(cell("reward") or "0", sheet, _("reward"))
    # A unit of cash back is one hundredth of the currency's unit (docs/routing.md, Example).
    micro = units.scaleb(MICRO_PLACES + (2 if form.in_money else 0))
    if micro != int(micro) or abs(units) > MOST_UNITS:
        raise _BadCellError(_("the reward {text} cannot be counted"), text=_shown(cell("reward")))
    return Line(_date(cell("date"), form.today), int(amount), int(micro))


def _number(text: str, sheet: Sheet, name: Words) -> Decimal:
    """Reads 45.00, $1,234.50, -45.00 or (45.00); a comma is the decimal mark where it does not separate columns."""
    plain = _SIGNS.sub("", text)
    if plain.startswith("(") and plain.endswith(")"):
        plain = f"-{plain[1:-1]}"
    if sheet.separator != "," and re.fullmatch(r"[+-]?[0-9.]*,[0-9]+", plain):
        plain = plain.replace(".", "").replace(",", ".")
    if re.fullmatch(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?", plain):
        plain = plain.replace(",", "")
    if not re.fullmatch(r"[+-]?[0-9]{1,15}(\.[0-9]{1,6})?", plain, re.ASCII):
        raise _BadCellError(_("the {name} is {text}; write a number such as 45.00"), name=name, text=_shown(text))
    return Decimal(plain)


def _date(text: str, today: dt.date) -> dt.date:
    for shape, pattern in DATES:
        if not re.fullmatch(shape, text, re.ASCII):
            continue
        try:
            day = dt.datetime.strptime(text, pattern).date()  # noqa: DTZ007  (a day without a time)
        except ValueError:
            break
        if today - OLDEST <= day <= today + dt.timedelta(days=1):
            return day
        raise _BadCellError(_("the date {text} is in the future or older than ten years"), text=_shown(text))
    raise _BadCellError(_("the date is {text}; write it like 2026-01-31 or 01/31/2026"), text=_shown(text))


def _with_sign(lines: list[Line]) -> list[Line]:
    """Returns the lines with purchases above zero. Some banks write them below it, and refunds above."""
    earned = [line for line in lines if line.units_micro > 0]
    if earned and all(line.amount_minor < 0 for line in earned):
        return [line._replace(amount_minor=-line.amount_minor) for line in lines]
    return lines


def _shown(text: str) -> str:
    """Quotes a cell for a message: short, and without a card's number."""
    covered = masked(text)
    return repr(covered if len(covered) <= SHOWN_CHARACTERS else f"{covered[:SHOWN_CHARACTERS]}…")
