"""A bonus that goes to the one category with the highest spend on the card in its period, such as a month.

What a purchase earns there depends on which category wins in the end. So the engine values the period as a whole: what
it will have brought if from now on one category is sent to this card, at its best. A purchase is worth the difference.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from math import erfc, exp, hypot, pi, sqrt
from typing import NamedTuple


class Gains(NamedTuple):
    """What more spend of one category would gain on this card: rising minor units with the value up to there."""

    rooms: tuple[int, ...] = (0,)
    values: tuple[int, ...] = (0,)
    # The standard deviation of the last value.
    deviation: int = 0
    # How much more may be spent, with some luck: the expectation and one standard deviation.
    reach: int = 0

    def upto(self, room: int) -> int:
        """The value in units (routing/value/wallet.py) of the next `room` minor units of spend."""
        rooms, values, _, _ = self
        # A part of one point, of a trace, says nothing of less room.
        if room >= rooms[-1] or len(rooms) == 1:
            return values[-1]
        index = max(1, bisect_right(rooms, room))
        step = (values[index] - values[index - 1]) * (room - rooms[index - 1])
        return values[index - 1] + step // (rooms[index] - rooms[index - 1])

    def between(self, low: int, high: int) -> "Gains":
        """The part that answers `upto` from `low` to `high` as the whole does."""
        first, after = max(0, bisect_right(self.rooms, low) - 1), bisect_right(self.rooms, high) + 1
        return self._replace(rooms=self.rooms[first:after], values=self.values[first:after])


NO_GAINS = Gains()
# Of how far two plans may still change; tuned on the first world of `make bench-routing`.
SHARE_OF_DOUBT = 0.3


# What a period will have brought if from now on one category is sent to this card: value, category, deviation.
Plan = tuple[int, str, int]


class Outlook(NamedTuple):
    """The bonus that a period is expected to bring beyond the card's other rates, and the category that will win it.

    `rival` is the category that may still win in its place, "" without one.
    """

    value: int
    tag: str
    rival: str = ""


NOTHING_TO_WIN = Outlook(0, "")


def foresee(
    spent: Mapping[str, int], tag: str, more: int, gains: Mapping[str, Gains], limit: int, extra: int
) -> tuple[Outlook, Outlook]:
    """Values a period in which each category has this much spend on the card so far, and with `more` of one category.

    `limit` is the cap, and `extra` the bonus in value units for each minor unit, beyond the card's other rates.
    """
    own, expected = spent.get(tag, 0), gains.get(tag, NO_GAINS)
    others = [(each, spent.get(each, 0), found) for each, found in gains.items() if each != tag]
    others += [(each, minor, NO_GAINS) for each, minor in spent.items() if each not in gains and each != tag]
    plans = [
        (minor, minor + found.reach, (_promised(minor, found, limit, extra), each, found.deviation))
        for each, minor, found in others
    ]
    second, first = sorted((0, 0, *(minor for minor, _, _ in plans)))[-2:]
    before, after = (
        _outlook(
            [
                *plans,
                (minor, minor + expected.reach, (_promised(minor, expected, limit, extra), tag, expected.deviation)),
            ],
            *sorted((second, first, minor))[1:],
        )
        if minor or tag in gains
        else _outlook(plans, second, first)
        for minor in (own, own + more)
    )
    return before, after


def _promised(minor: int, expected: Gains, limit: int, extra: int) -> int:
    return minor * extra + expected.upto(limit - minor) if minor < limit else limit * extra


def _outlook(found: Sequence[tuple[int, int, Plan]], second: int, first: int) -> Outlook:
    # A category that is behind wins only if it is expected to catch up.
    plans = [plan for minor, reach, plan in found if reach >= (second if minor == first else first)]
    if not plans:
        return NOTHING_TO_WIN
    plans.sort()
    value, tag, deviation = plans[-1]
    if len(plans) == 1:
        return Outlook(value, tag)
    other, rival, doubted = plans[-2]
    # The expectation of the higher of two uncertain values: it lies above both, and what is spent on the second best
    # counts by how likely that one still wins. Only a share of the doubt is left by the time it matters.
    doubt = hypot(deviation, doubted) * SHARE_OF_DOUBT
    if doubt < 1:
        return Outlook(value, tag, rival)
    lead = (value - other) / doubt
    above = doubt * (exp(-lead * lead / 2) / sqrt(2 * pi) - lead * erfc(lead / sqrt(2)) / 2)
    return Outlook(value + int(above), tag, rival)
