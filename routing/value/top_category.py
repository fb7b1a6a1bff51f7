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
SHARE_OF_DOUBT = 0.3


class Plan(NamedTuple):
    """What the period will have brought if from now on one category is sent to this card."""

    value: int
    tag: str
    deviation: int


def expect(spent: Mapping[str, int], gains: Mapping[str, Gains], limit: int, extra: int) -> int:
    """The bonus that the period is expected to bring, in value units beyond the card's other rates.

    `spent` is each category's spend on this card so far, `limit` the cap, and `extra` the bonus for each minor unit.
    """
    plans = sorted(_plans(spent, gains, limit, extra), reverse=True)
    if len(plans) < 2:
        return plans[0].value if plans else 0
    # The expectation of the higher of two uncertain values: it lies above both, and what is spent on the second best
    # counts by how likely that one still wins. Only a share of the doubt is left by the time it matters.
    first, second = plans[0], plans[1]
    doubt = hypot(first.deviation, second.deviation) * SHARE_OF_DOUBT
    if doubt < 1:
        return first.value
    lead = (first.value - second.value) / doubt
    return first.value + int(doubt * (exp(-lead * lead / 2) / sqrt(2 * pi) - lead * erfc(lead / sqrt(2)) / 2))


def favourite(spent: Mapping[str, int], gains: Mapping[str, Gains], limit: int, extra: int) -> str:
    """The category that is expected to win the period, or "" where nothing is spent and nothing expected."""
    plans = _plans(spent, gains, limit, extra)
    return max(plans).tag if plans else ""


def _plans(spent: Mapping[str, int], gains: Mapping[str, Gains], limit: int, extra: int) -> list[Plan]:
    plans = []
    for tag in spent.keys() | gains.keys():
        mine = spent.get(tag, 0)
        expected = gains.get(tag, NO_GAINS)
        highest_other = max((amount for other, amount in spent.items() if other != tag), default=0)
        # A category that is behind wins only if it is expected to catch up.
        if mine + expected.rooms[-1] >= highest_other:
            value = min(mine, limit) * extra + expected.upto(max(0, limit - mine))
            plans.append(Plan(value, tag, expected.deviation))
    return plans
