"""What a person says of a card's rewards: quarters that they activated, categories that they chose, cents per point.

Only the form is checked here: which categories a card lets its owner choose is known to its terms (routing/catalogue/).
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from onecard.kit import clock
from onecard.kit.errors import OneCardError

QUARTER: Final = re.compile(r"20\d\d[Qq][1-4]")
NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,60}")
MOST_CENTS: Final = Decimal(100)
PLACES: Final = 4
MOST_NAMES: Final = 50


class EarningRefusedError(OneCardError):
    """A quarter, category or value of a point that cannot be. `errors` names the field."""

    code = "earning_refused"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.errors = {field: [message]}


def activated(quarters: Iterable[str], *, known: Mapping[str, str | None]) -> dict[str, str | None]:
    """Returns the activated quarters, each with when that was said; quarters that are known keep their moment.

    Raises EarningRefusedError for what is no quarter.
    """
    names = [str(each).strip().upper() for each in quarters]
    wrong = next((each for each in names if not QUARTER.fullmatch(each)), None)
    if wrong is not None or len(names) > MOST_NAMES:
        raise EarningRefusedError("activated_quarters", f"{wrong!r} is no quarter: write it like 2026Q4.")
    now = clock.now().isoformat()
    return {name: known.get(name, now) for name in sorted(set(names))}


def chosen(choices: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Returns the chosen categories by bonus. Raises EarningRefusedError for what cannot be the name of one."""
    found = {str(bonus): [str(tag) for tag in tags] for bonus, tags in choices.items()}
    names = [*found, *(tag for tags in found.values() for tag in tags)]
    wrong = next((each for each in names if not NAME.fullmatch(each)), None)
    if wrong is not None or len(names) > MOST_NAMES:
        raise EarningRefusedError("choices", f"{wrong!r} is no category or bonus.")
    return {bonus: list(dict.fromkeys(tags)) for bonus, tags in found.items() if tags}


def cents(values: Mapping[str, Any]) -> dict[str, str]:
    """Returns what a point of each programme is worth, as exact text; empty values are left out.

    Raises EarningRefusedError for a value below zero, above 100 cents, or with more than four decimals.
    """
    found: dict[str, str] = {}
    for programme, value in values.items():
        if value in (None, ""):
            continue
        number = _number(value)
        if not NAME.fullmatch(str(programme)) or number is None:
            words = f"A point of {programme} is worth 0 to 100 cents, with four decimals at most."
            raise EarningRefusedError("point_cents", words)
        found[str(programme)] = f"{number.normalize():f}"
    return found


def _number(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    if not number.is_finite() or not 0 <= number <= MOST_CENTS:
        return None
    return number if number == round(number, PLACES) else None
