"""A bonus that goes to the one category with the highest spend on the card in its period, such as a month.

What a purchase earns there depends on which category wins in the end. So the engine values the period as a whole: what
it will have brought if from now on one category is sent to this card, at its best. A purchase is worth the difference.
"""

from collections.abc import Mapping
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
        rooms, values = self.rooms, self.values
        if room >= rooms[-1]:
            return values[-1]
        for index in range(1, len(rooms)):
            if room < rooms[index]:
                step = (values[index] - values[index - 1]) * (room - rooms[index - 1])
                return values[index - 1] + step // (rooms[index] - rooms[index - 1])
        return values[-1]


NO_GAINS = Gains()
# Of how far two plans may still change; tuned on the first world of `make bench-routing`.
SHARE_OF_DOUBT = 0.3


class Plan(NamedTuple):
    """What the period will have brought if from now on one category is sent to this card."""

    value: int
    tag: str
    deviation: int


class Outlook(NamedTuple):
    """The bonus that a period is expected to bring beyond the card's other rates, and the category that will win it."""

    value: int
    tag: str


NOTHING_TO_WIN = Outlook(0, "")


def foresee(spent: Mapping[str, int], gains: Mapping[str, Gains], limit: int, extra: int) -> Outlook:
    """Values a period in which each category has this much spend on the card so far.

    `limit` is the cap, and `extra` the bonus in value units for each minor unit, beyond the card's other rates.
    """
    plans = _plans(spent, gains, limit, extra)
    if not plans:
        return NOTHING_TO_WIN
    first = max(plans)
    second = max((plan for plan in plans if plan is not first), default=None)
    # The expectation of the higher of two uncertain values: it lies above both, and what is spent on the second best
    # counts by how likely that one still wins. Only a share of the doubt is left by the time it matters.
    doubt = hypot(first.deviation, second.deviation) * SHARE_OF_DOUBT if second else 0.0
    if second is None or doubt < 1:
        return Outlook(first.value, first.tag)
    lead = (first.value - second.value) / doubt
    above = doubt * (exp(-lead * lead / 2) / sqrt(2 * pi) - lead * erfc(lead / sqrt(2)) / 2)
    return Outlook(first.value + int(above), first.tag)


def _plans(spent: Mapping[str, int], gains: Mapping[str, Gains], limit: int, extra: int) -> list[Plan]:
    plans = []
    second, first = sorted((0, 0, *spent.values()))[-2:]
    for tag in spent.keys() | gains.keys():
        mine = spent.get(tag, 0)
        expected = gains.get(tag, NO_GAINS)
        # A category that is behind wins only if it is expected to catch up.
        if mine + expected.reach >= (second if mine == first else first):
            value = min(mine, limit) * extra
            if mine < limit:
                value += expected.upto(limit - mine)
            plans.append(Plan(value, tag, expected.deviation))
    return plans
