"""Compares two sorted lists of money both ways: finds the differences and classifies them; pure, row by row.

`here` and `there` are the two sides: ours and the issuer's, ours and the processor's, or our rows and the ledger.
"""

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

# The state of a row whose side does not know the outcome.
UNKNOWN = "unknown"


class Kind(enum.StrEnum):
    """The classes of differences; every difference has one."""

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    AMOUNT = "amount"
    CURRENCY = "currency"
    STATE = "state"
    DUPLICATE = "duplicate"
    UNKNOWN_OUTCOME = "unknown_outcome"


class Row(NamedTuple):
    """One side's row of a movement: minor units of an upper-case currency; `at_s` in seconds since 1970.

    A row that is not due may have a partner and does not need one: it is outside the window, or nothing moved.
    """

    key: str
    amount_minor: int
    currency: str
    state: str
    reference: str
    at_s: int
    is_due: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between the sides; at least one of the rows is set."""

    kind: Kind
    key: str
    here: Row | None
    there: Row | None

    @property
    def at_s(self) -> int:
        """The time of the movement, by the side that knows it; seconds since 1970."""
        return min(row.at_s for row in (self.here, self.there) if row is not None)


class UnsortedError(Exception):
    """A side is not in the order of its keys, so missing rows cannot be found."""


def compare(here: Iterable[Row], there: Iterable[Row]) -> Iterator[Difference]:
    """Yields every difference between two sides sorted by key (code points); keeps one row of each in memory.

    Of rows with the same key on one side the first is compared, and each further one is a duplicate. A difference
    counts when one of its rows is due. Raises UnsortedError.
    """
    ours, theirs = _groups(here), _groups(there)
    mine, other = next(ours, None), next(theirs, None)
    while mine is not None or other is not None:
        if other is None or (mine is not None and mine[0].key < other[0].key):
            assert mine is not None  # noqa: S101  (one of the two is there)
            yield from _counting(mine, None)
            mine = next(ours, None)
        elif mine is None or other[0].key < mine[0].key:
            yield from _counting(None, other)
            other = next(theirs, None)
        else:
            if mine[1] or other[1] or classify(mine[0], other[0]) is not None:
                yield from _counting(mine, other)
            mine, other = next(ours, None), next(theirs, None)


def classify(here: Row | None, there: Row | None) -> Kind | None:
    """Returns the class of the difference between two rows of one key, the gravest first; None when they agree."""
    if here is not None and here.state == UNKNOWN:
        return Kind.UNKNOWN_OUTCOME
    if here is None:
        return Kind.MISSING_HERE
    if there is None:
        return Kind.MISSING_THERE
    if here.currency != there.currency:
        return Kind.CURRENCY
    if here.amount_minor != there.amount_minor:
        return Kind.AMOUNT
    if here.state != there.state:
        return Kind.STATE
    return None


Group = tuple[Row, tuple[Row, ...]]


def _counting(mine: Group | None, other: Group | None) -> Iterator[Difference]:
    """Yields the differences of one key with a row that is due."""
    here, there = mine[0] if mine else None, other[0] if other else None
    kind = classify(here, there)
    due = [row for row in (here, there) if row is not None and row.is_due]
    if kind is not None and due:
        yield Difference(kind, due[0].key, here, there)
    for twin in mine[1] if mine else ():
        if twin.is_due:
            yield Difference(Kind.DUPLICATE, twin.key, twin, there)
    for twin in other[1] if other else ():
        if twin.is_due:
            yield Difference(Kind.DUPLICATE, twin.key, here, twin)


def _groups(rows: Iterable[Row]) -> Iterator[Group]:
    """Yields each key's first row and its duplicates, which are equal neighbours."""
    first: Row | None = None
    twins: tuple[Row, ...] = ()
    for row in rows:
        if first is None:
            first = row
        elif row.key > first.key:
            yield first, twins
            first, twins = row, ()
        elif row.key == first.key:
            twins = (*twins, row)
        else:
            raise UnsortedError(f"{row.key!r} comes after {first.key!r}.")
    if first is not None:
        yield first, twins
