"""How much is expected to need the space of a bucket, and what each further unit of it is worth for that."""

from dataclasses import dataclass, field
from math import erfc, exp, pi, sqrt

from routing.value.forecast import KindKey
from routing.value.spend import Bucket
from routing.value.top_category import Gains

GRID = 8
# How uncertain a forecast is beside the chance of single purchases: the standard deviation of its level.
LEVEL_SPREAD = 0.25
# Money that is only expected is a little less than the same money now, so that an even choice uses the space.
PROMISE = 0.99
SQRT_2 = sqrt(2)


@dataclass(slots=True)
class Lot:
    """Expected spend with the same rates: `free` is the best that needs no scarce space, `rates` those that do."""

    free: int
    rates: tuple[tuple[int, "Slot"], ...]
    mean: float = 0.0
    variance: float = 0.0
    bills: list[tuple[KindKey, int]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Slot:
    """One bucket, or one category of a top category's bucket, with its space and its current price."""

    bucket: Bucket
    tag: str
    left: int
    extra: int = 0
    price: float = 0.0
    is_open: bool = True
    lots: list[Lot] = field(default_factory=list)


class Curve:
    """How much demand there is at each advantage or above, the highest first."""

    def __init__(self, slot: Slot, less: "tuple[Lot, int] | None" = None) -> None:
        """Reads the demand for a slot, less an amount of one lot."""
        demand = [(advantage, lot) for lot in slot.lots if (advantage := _advantage(lot, slot)) > 0]
        demand.sort(key=_highest_first)
        self.mean, self.deviation = 0.0, 1.0
        # Each step down of the advantage, halved; how much demand there is above it; and the scale of its doubt.
        self.steps: list[tuple[float, float, float]] = []
        variance = 0.0
        for number, (advantage, lot) in enumerate(demand, 1):
            self.mean += lot.mean - (less[1] if less and less[0] is lot else 0)
            variance += lot.variance
            lower = demand[number][0] if number < len(demand) else 0.0
            if advantage > lower:
                self.deviation = sqrt(variance + (LEVEL_SPREAD * self.mean) ** 2) or 1.0
                self.steps.append(((advantage - lower) / 2, self.mean, self.deviation * SQRT_2))

    def price(self, room: float) -> float:
        """What one more unit is worth beside this much space."""
        price = 0.0
        for fall, mean, scale in self.steps:
            price += fall * erfc((room - mean) / scale)
        return price

    def value_of(self, room: int) -> float:
        """The value of this much space, roughly."""
        return self._values([0, room // 2, room])[-1]

    def gains(self, room: int) -> Gains:
        """The value of space up to this much, at a few points."""
        rooms = [room * index // GRID for index in range(GRID + 1)]
        values = self._values(rooms)
        reach = int(self.mean + self.deviation) if self.steps else 0
        promised = tuple(int(value * PROMISE) for value in values)
        return Gains(tuple(rooms), promised, self._deviation(room, values[-1]), reach)

    def _values(self, rooms: list[int]) -> list[float]:
        prices = [self.price(each) for each in rooms]
        values = [0.0]
        for index in range(1, len(rooms)):
            values.append(values[-1] + (prices[index] + prices[index - 1]) / 2 * (rooms[index] - rooms[index - 1]))
        return values

    def _deviation(self, room: int, value: float) -> int:
        """The standard deviation of the value: that of the demand that fits, at its average advantage."""
        if not self.steps or value <= 0:
            return 0
        mean, deviation = self.mean, self.deviation
        below = 0.5 * erfc((mean - room) / (deviation * SQRT_2))
        density = exp(-(((room - mean) / deviation) ** 2) / 2) / sqrt(2 * pi)
        fits = mean * below - deviation * density + room * (1 - below)
        squared = (mean**2 + deviation**2) * below - deviation * (mean + room) * density + room**2 * (1 - below)
        return int(value / fits * sqrt(max(0.0, squared - fits**2))) if fits > 0 else 0


def _highest_first(step: tuple[float, Lot]) -> float:
    return -step[0]


def _advantage(lot: Lot, slot: Slot) -> float:
    """What the slot pays for the lot beyond its next best card, other buckets' space at its price."""
    mine, other = 0, float(lot.free)
    for value, rival in lot.rates:
        if rival is slot:
            mine = value
        elif rival.is_open and value - rival.price > other:
            other = value - rival.price
    return mine - other
