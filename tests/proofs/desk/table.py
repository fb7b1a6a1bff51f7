"""A table of the filled database, and what its rows have in common."""

from dataclasses import dataclass
from typing import Final

# Of a hundred purchases: 90 approved, 7 declined by us, one by the issuer alone, one reversed, one expired.
PAID: Final = "n %% 100 < 90"
BY_US: Final = "n %% 100 BETWEEN 90 AND 96"
BY_ISSUER: Final = "n %% 100 = 97"
CAPTURED: Final = "n %% 100 < 86"


@dataclass(frozen=True, slots=True)
class Table:
    """`rows` numbers are tried, and those that `where` lets through become rows; `id` is the row's key."""

    name: str
    rows: int
    columns: dict[str, str]
    where: str = "true"
    id: str = "n"


def one_of(words: tuple[str, ...], number: str = "n") -> str:
    """Returns one of the words, in turn by the number."""
    quoted = ", ".join("'" + word.replace("'", "''") + "'" for word in words)
    return f"(ARRAY[{quoted}])[({number}) %% {len(words)} + 1]"
