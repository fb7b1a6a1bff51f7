"""A part of the filled database: rows of one table, made by one INSERT … SELECT for each range of numbers."""

from dataclasses import dataclass
from math import gcd
from typing import Final

NUMBERS: Final = "generate_series(%s::bigint, %s::bigint) AS n"
AT_ONCE: Final = 200_000


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` are expressions over the rows of `source`, which takes the first and the last number of a range."""

    name: str
    ranges: tuple[tuple[int, int], ...]
    columns: dict[str, str]
    source: str = NUMBERS
    where: str = "true"

    @property
    def numbers(self) -> int:
        """How many are tried; those that `where` lets through become rows."""
        return sum(last - first + 1 for first, last in self.ranges)


def ranges(first: int, last: int, *, at_once: int = AT_ONCE) -> tuple[tuple[int, int], ...]:
    """Returns the numbers from first to last in pieces, each of which one statement makes in some seconds."""
    return tuple((low, min(last, low + at_once - 1)) for low in range(first, last + 1, at_once))


def scattered(count: int) -> int:
    """Returns a step that visits each of so many numbers once before it comes back, and no neighbours in turn."""
    step = max(1, int(count * 0.618))
    while gcd(step, count) != 1:
        step += 1
    return step
