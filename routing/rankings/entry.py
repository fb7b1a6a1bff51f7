"""Checks of one ranking, whichever file it comes from: a reader returns a value or raises a sentence. Pure."""

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from onecard.kit.errors import OneCardError
from onecard.kit.masking import masked
from onecard.kit.money import MAX_AMOUNT_MINOR
from onecard.kit.text import normalized
from routing.models import RewardType
from wallet.models import Network

PROBLEMS_SHOWN: Final = 20
VALUE_SHOWN_CHARACTERS: Final = 40
# The widths of the columns in models.RankingRow.
NAME_CHARACTERS: Final = 120
RATE_BELOW: Final = Decimal(10_000)
FEE_BELOW: Final = Decimal(MAX_AMOUNT_MINOR // 100)
NETWORKS: Final = {network.value: network.value for network in Network} | {"american express": Network.AMEX.value}
REWARD_TYPES: Final = {kind.value: kind.value for kind in RewardType} | {
    "cash back": RewardType.CASH.value,
    "cashback": RewardType.CASH.value,
}


@dataclass(frozen=True, slots=True)
class RankingEntry:
    """A checked ranking and the line of the file where it starts; fees in US cents."""

    line: int
    mcc: str
    product_id: int | None
    network: str
    card_name: str
    reward_rate: Decimal
    reward_type: str
    annual_fee_minor: int
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    # Its place in the line, for files with many on one line: "entry 2 of MCC 5812".
    place: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """The columns that the database keeps unique."""
        return self.mcc, self.product_id, self.network, self.card_name, self.valid_from

    @property
    def values(self) -> tuple[object, ...]:
        return self.reward_rate, self.reward_type, self.annual_fee_minor, self.valid_to


@dataclass(frozen=True, slots=True)
class Known:
    """What a ranking may refer to: the MCCs on the list, and the ids of the card products by their keys."""

    mccs: frozenset[str]
    product_ids: dict[str, int]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row cannot be imported, and the column that is wrong, or "" where it is the whole row."""

    line: int
    sentence: str
    column: str = ""


@dataclass(slots=True)
class Reading:
    """The result of reading a file: its good rows, and the problems of the others."""

    entries: list[RankingEntry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


class RankingsError(OneCardError):
    """A file of rankings cannot be imported. The message names every reason; nothing was written."""

    code = "invalid_rankings"
    # Every bad row, by line; empty when the file as a whole cannot be read.
    problems: tuple[Problem, ...] = ()

    @classmethod
    def of_rows(cls, source: str, problems: Sequence[Problem]) -> "RankingsError":
        """Builds one message for all bad rows, by line; from the 21st on they are only counted."""
        in_order = sorted(problems, key=lambda problem: problem.line)
        lines = [f"  line {problem.line}: {problem.sentence}" for problem in in_order[:PROBLEMS_SHOWN]]
        if len(in_order) > PROBLEMS_SHOWN:
            lines.append(f"  and {len(in_order) - PROBLEMS_SHOWN} more")
        count = "1 mistake" if len(in_order) == 1 else f"{len(in_order)} mistakes"
        error = cls("\n".join([f"{source} has {count}, so nothing was imported:", *lines]))
        error.problems = tuple(in_order)
        return error


class FieldError(ValueError):
    """One value is wrong; the message is the end of a sentence about its row. `column` names the value."""

    def __init__(self, sentence: str, column: str = "") -> None:
        super().__init__(sentence)
        self.column = column


def duplicates(entries: Iterable[RankingEntry]) -> list[Problem]:
    """Returns a problem for each row that repeats an earlier one, and names both."""
    firsts: dict[tuple[object, ...], RankingEntry] = {}
    return [
        _duplicate(entry, first) for entry in entries if (first := firsts.setdefault(entry.key, entry)) is not entry
    ]


def read_mcc(text: str, known: Known) -> str:
    if not re.fullmatch(r"[0-9]{4}", text):
        raise FieldError(f"the MCC is {shown(text)}; it must be four digits", "mcc")
    if text not in known.mccs:
        raise FieldError(
            f"MCC {text} is not on the list of merchant categories; mend it, or add it to the list first", "mcc"
        )
    return text


def read_network(value: object, name: str) -> str:
    return _one_of(value, name, NETWORKS)


def read_reward_type(value: object, name: str) -> str:
    return _one_of(value, name, REWARD_TYPES)


def read_card_name(value: object, name: str) -> str:
    """Returns the name as its column stores it: names that look alike are equal, and card numbers are covered."""
    if not isinstance(value, str):
        raise FieldError(f"{name} is {shown(value)}; it must be text", name)
    kept = masked(normalized(value))
    if len(kept) > NAME_CHARACTERS:
        raise FieldError(f"{name} has {len(kept)} characters; at most {NAME_CHARACTERS} are kept", name)
    if re.search(r"[\x00\ud800-\udfff]", value):
        raise FieldError(f"{name} holds a character that cannot be stored", name)
    return kept


def read_rate(value: object, name: str) -> Decimal:
    """Reads units per whole currency unit, with three decimals."""
    return _number(value, name, below=RATE_BELOW, decimals=3)


def read_fee(value: object, name: str) -> int:
    """Reads US dollars as cents."""
    return int(_number(value, name, below=FEE_BELOW, decimals=2).scaleb(2))


def read_date(text: str, name: str) -> dt.date | None:
    """Reads an ISO date; None for an empty text."""
    if not text:
        return None
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return dt.date.fromisoformat(text)
    except ValueError:
        pass
    raise FieldError(f"{name} is {shown(text)}; write a date like 2026-01-31, or leave it empty", name)


def shown(value: object) -> str:
    """Quotes a value for a message: short, on one line, and in the words of the file."""
    if isinstance(value, list):
        return "a list or an object"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    words = str(value) if isinstance(value, Decimal) else repr(value)
    return words if len(words) <= VALUE_SHOWN_CHARACTERS else f"{words[:VALUE_SHOWN_CHARACTERS]}…"


def shown_name(mcc: str) -> str:
    """Returns an MCC for a sentence; anything else in quotes."""
    return mcc if re.fullmatch(r"[0-9]{4}", mcc) else shown(mcc)


def _duplicate(entry: RankingEntry, first: RankingEntry) -> Problem:
    other = first.place if first.line == entry.line and first.place else f"on line {first.line}"
    where = f"{entry.place}: " if first.line == entry.line and entry.place else ""
    return Problem(entry.line, f"{where}the same card, MCC and first day as {other}; keep one of the two")


def _one_of(value: object, name: str, words: dict[str, str]) -> str:
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in words:
        raise FieldError(f"{name} is {shown(value)}; it must be one of: {', '.join(words)}", name)
    return words[word]


def _number(value: object, name: str, *, below: Decimal, decimals: int) -> Decimal:
    if not isinstance(value, Decimal) or not value.is_finite():
        raise FieldError(f"{name} is {shown(value)}; it must be a number such as 1.5", name)
    if value < 0:
        raise FieldError(f"{name} is {shown(value)}; it cannot be negative", name)
    if value >= below:
        raise FieldError(f"{name} is {shown(value)}; it must be below {below}", name)
    rounded = value.quantize(Decimal(1).scaleb(-decimals))
    if rounded != value:
        raise FieldError(f"{name} is {shown(value)}; at most {decimals} decimals are kept", name)
    return abs(rounded)  # Minus zero is zero.
