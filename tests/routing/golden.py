"""Reads golden_cases.txt, where the grammar stands; a line that it does not understand fails the test run."""

import datetime as dt
import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from routing.engine import Choice, Method, Purchase, Row, Rules
from routing.reference import MULTIPLIERS, THRESHOLDS

PURCHASE = Purchase("5812", "USD", dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC), dt.date(2026, 3, 15))
RULES = Rules(
    multipliers={(preference, kind == "cash"): value for (preference, kind), value in MULTIPLIERS.items()},
    tie_within=THRESHOLDS["tie_within"],
    significantly_better=THRESHOLDS["significantly_better"],
)
ROW = re.compile(r"(?P<product>product )?(?P<rate>[\d.]+) (?P<type>\w+)( (?P<first>[\d-]*)\.\.(?P<last>[\d-]*))?")


@dataclass
class Case:
    """One case: the engine's arguments, and the outcome as the file words it."""

    name: str
    expected: str = ""
    preference: str = "cash"
    rules: Rules = RULES
    methods: list[Method] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


def read_cases() -> list[Case]:
    cases: list[Case] = []
    for line in (Path(__file__).parent / "golden_cases.txt").read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith(" "):
            _read_line(cases[-1], line.strip())
        else:
            cases.append(Case(line))
    return cases


def describe(choice: Choice) -> str:
    """An outcome in the file's words."""
    who = choice.method.name if choice.method else "nobody"
    seen = [f"{c.method.name} {c.left_out or plain(c.effective_reward)}" for c in choice.candidates]
    return f"{who}, {choice.rule}: {', '.join(seen)}".strip()


def plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _read_line(case: Case, line: str) -> None:
    match line.split():
        case ["=>", *_]:
            case.expected = re.sub(r"\d+\.\d+", lambda found: plain(Decimal(found[0])), line.removeprefix("=> "))
        case ["prefers", preference]:
            case.preference = preference
        case ["multiplier", preference, kind, value]:
            changed = case.rules.multipliers | {(preference, kind == "cash"): Decimal(value)}
            case.rules = replace(case.rules, multipliers=changed)
        case ["tie", "within", value]:
            case.rules = replace(case.rules, tie_within=Decimal(value))
        case ["significantly", "better", value]:
            case.rules = replace(case.rules, significantly_better=Decimal(value))
        case _:
            name, notes, rows = (part.strip() for part in line.split("|"))
            _add_card(case, name, [note.strip() for note in notes.split(",") if note.strip()], rows.split(";"))


def _add_card(case: Case, name: str, notes: list[str], rows: list[str]) -> None:
    number = len(case.methods) + 1
    method = make_method(number, name=name)
    for note in notes:
        method = _noted(method, note)
    case.methods.append(method)
    case.rows += [_read_row(text.strip(), len(case.rows) + index, method) for index, text in enumerate(rows) if text]


def make_method(number: int, *, name: str = "") -> Method:
    """A usable card with a network and a product of its own, at its place in the wallet."""
    return Method(
        id=number,
        name=name or f"Card {number}",
        network=f"network of {number}",
        product_id=number,
        last_four="0000",
        processor_method_id=f"pm_{number}",
        active=True,
        expiry_year=2030,
        expiry_month=12,
        cooling_until=None,
        currencies=("USD",),
        is_backup=False,
        position=number,
    )


def _noted(method: Method, note: str) -> Method:
    match note.split():
        case ["backup"]:
            return replace(method, is_backup=True)
        case ["disabled"]:
            return replace(method, active=False)
        case ["expires", month]:
            return replace(method, expiry_year=int(month[:4]), expiry_month=int(month[5:]))
        case ["cools", "until", time]:
            return replace(method, cooling_until=dt.datetime.fromisoformat(f"2026-03-15T{time}+00:00"))
        case ["in", *currencies]:
            return replace(method, currencies=tuple(currencies))
        case ["at", position]:
            return replace(method, position=int(position))
    raise ValueError(f"{note!r} is no note of a card")


def _read_row(text: str, number: int, method: Method) -> Row:
    found = ROW.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no ranking row")
    return Row(
        id=number,
        version=1,
        product_id=method.product_id if found["product"] else None,
        network="" if found["product"] else method.network,
        reward_rate=Decimal(found["rate"]),
        reward_type=found["type"],
        valid_from=dt.date.fromisoformat(found["first"]) if found["first"] else None,
        valid_to=dt.date.fromisoformat(found["last"]) if found["last"] else None,
    )
