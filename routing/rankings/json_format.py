"""Rankings in the walkthrough's JSON shape, by MCC.

The shape is {"5812": [{"cardName", "cardKey", "rewardAmount", "rewardType", "annualFee"}]}. Each entry is a row of
scope network without dates; the shape cannot express other rows.
"""

import json
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from onecard.kit.json_cursor import JsonCursor, Pairs
from routing.models import RankingRow
from routing.rankings.entry import (
    FieldError,
    Known,
    Problem,
    RankingEntry,
    RankingsError,
    Reading,
    read_card_name,
    read_fee,
    read_mcc,
    read_network,
    read_rate,
    read_reward_type,
    shown,
    shown_name,
)

FIELDS: Final = ("cardName", "cardKey", "rewardAmount", "rewardType", "annualFee")
REWARD_WORDS: Final = {"cash": "Cash", "points": "Points", "miles": "Miles", "default": "Default"}


def read_json(text: str, source: str, known: Known) -> Reading:
    """Reads the rankings of a JSON text with their lines; raises RankingsError for a text that is not JSON."""
    cursor = JsonCursor(text)
    try:
        if cursor.peek() != "{":
            raise RankingsError(f"{source} must be a JSON object from MCC to a list of cards, and start with {{.")
        reading = _read_categories(cursor, known)
        cursor.end()
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise RankingsError(f"{source} is not JSON: {error.msg} at {where}. Nothing was imported.") from error
    except RecursionError as error:
        raise RankingsError(f"{source} is nested too deeply at line {cursor.line}. Nothing was imported.") from error
    return reading


def write_json(rows: Iterable[RankingRow]) -> tuple[str, int]:
    """Returns the rows that the shape can express as text, and their number."""
    cards: dict[str, list[dict[str, object]]] = {}
    for row in rows:
        if row.scope == RankingRow.Scope.NETWORK and row.valid_from is None and row.valid_to is None:
            cards.setdefault(row.mcc, []).append(_as_card(row))
    return json.dumps(cards, indent=2, ensure_ascii=False) + "\n", sum(map(len, cards.values()))


def _read_categories(cursor: JsonCursor, known: Known) -> Reading:
    reading = Reading()
    first_lines: dict[str, int] = {}
    for _ in cursor.members("{", "}"):
        mcc, line = cursor.name(), cursor.line
        if mcc in first_lines:
            where = f"on line {first_lines[mcc]} already" if first_lines[mcc] != line else "on this line already"
            reading.problems.append(Problem(line, f"MCC {shown_name(mcc)} was {where}; put its cards together"))
        first_lines.setdefault(mcc, line)
        try:
            read_mcc(mcc, known)
        except FieldError as error:
            reading.problems.append(Problem(line, str(error), error.column))
        _read_cards(cursor, mcc, reading)
    return reading


def _read_cards(cursor: JsonCursor, mcc: str, reading: Reading) -> None:
    if cursor.peek() != "[":
        reading.problems.append(Problem(cursor.line, f"MCC {shown(mcc)} must have a list of cards"))
        cursor.value()
        return
    faults: list[tuple[int, str, FieldError]] = []
    lines: Counter[int] = Counter()
    for number, _ in enumerate(cursor.members("[", "]"), start=1):
        cursor.peek()
        line, place = cursor.line, f"entry {number} of MCC {shown_name(mcc)}"
        lines[line] += 1
        try:
            reading.entries.append(_read_entry(cursor.value(), mcc, line, place))
        except FieldError as error:
            faults.append((line, place, error))
    # A line number is enough where an entry has its own line.
    reading.problems += [
        Problem(line, f"{place}: {error}" if lines[line] > 1 else str(error), error.column)
        for line, place, error in faults
    ]


def _read_entry(value: object, mcc: str, line: int, place: str) -> RankingEntry:
    if not isinstance(value, Pairs):
        raise FieldError(f"a card must be an object with {', '.join(FIELDS)}")
    card = dict(value)
    _check_names([name for name, _ in value])
    return RankingEntry(
        line=line,
        mcc=mcc,
        product_id=None,
        network=read_network(card["cardKey"], "cardKey"),
        card_name=read_card_name(card["cardName"], "cardName"),
        reward_rate=read_rate(card["rewardAmount"], "rewardAmount"),
        reward_type=read_reward_type(card["rewardType"], "rewardType"),
        annual_fee_minor=read_fee(card["annualFee"], "annualFee"),
        place=place,
    )


def _check_names(names: list[str]) -> None:
    for name in FIELDS:
        if name not in names:
            raise FieldError(f"{name} is missing", name)
    for name in names:
        if name not in FIELDS:
            raise FieldError(f"{shown(name)} is not a field of a card; they are {', '.join(FIELDS)}")
        if names.count(name) > 1:
            raise FieldError(f"{name} is there {names.count(name)} times", name)


def _as_card(row: RankingRow) -> dict[str, object]:
    return {
        "cardName": row.card_name,
        "cardKey": row.network,
        "rewardAmount": _shortest(row.reward_rate),
        "rewardType": REWARD_WORDS[row.reward_type],
        "annualFee": _shortest(Decimal(row.annual_fee_minor).scaleb(-2)),
    }


def _shortest(number: Decimal) -> int | float:
    # A float keeps this many digits exactly.
    return int(number) if number == number.to_integral_value() else float(number)
