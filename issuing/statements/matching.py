"""Which line of a statement is which charge or refund: by the amount, and the nearest day within a window. Pure."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

# A statement may have the day of the purchase, in the merchant's zone, or the day of the posting.
EARLIER: Final = dt.timedelta(days=1)
LATER: Final = dt.timedelta(days=7)


class Wanted(NamedTuple):
    """A line that has no charge yet; a refund's amount is below zero."""

    id: int
    posted_on: dt.date
    amount_minor: int


class Moved(NamedTuple):
    """A charge, or with an amount below zero a refund: made on the first day, finished on the last."""

    key: tuple[str, int]
    made_on: dt.date
    finished_on: dt.date
    amount_minor: int

    def covers(self, day: dt.date) -> bool:
        return self.made_on - EARLIER <= day <= self.finished_on + LATER

    def distance(self, day: dt.date) -> int:
        return abs((day - self.made_on).days)


def match(lines: Iterable[Wanted], moved: Iterable[Moved]) -> dict[int, tuple[str, int]]:
    """Returns the key of the charge or refund of each line that has one; each is given to one line at most.

    The nearest pairs come first, and of two that are as near the older ones, so the result depends on no order.
    """
    by_amount: dict[int, list[Moved]] = defaultdict(list)
    for each in moved:
        by_amount[each.amount_minor].append(each)
    pairs = sorted(
        (each.distance(line.posted_on), line.posted_on, each.made_on, line.id, each.key)
        for line in lines
        for each in by_amount.get(line.amount_minor, ())
        if each.covers(line.posted_on)
    )
    found: dict[int, tuple[str, int]] = {}
    taken: set[tuple[str, int]] = set()
    for _distance, _posted, _made, line_id, key in pairs:
        if line_id not in found and key not in taken:
            found[line_id] = key
            taken.add(key)
    return found
