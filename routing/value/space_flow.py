"""Gives scarce space to those whom it brings most, exactly, and says what a further unit of each space is worth.

A transportation problem, solved by best augmenting paths. Coordinate descent on prices (routing/value/pricing.py) is
enough for a decision, but stands still where two buckets pay the same for the same purchases; a proof needs better.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

S = TypeVar("S")
# Below every sum of gains: a slot that nobody can leave.
NEVER = -(10**30)


@dataclass(frozen=True, slots=True)
class Lot(Generic[S]):
    """An amount that may be placed in slots, and what each unit of it adds in each; elsewhere it adds nothing."""

    amount: int
    gains: Mapping[S, int]


class _Step(NamedTuple, Generic[S]):
    """How a unit leaves a slot: the lot that moves, and the slot to which, None where it is placed nowhere."""

    lot: int
    to: S | None


@dataclass(slots=True)
class _Placed(Generic[S]):
    """What is placed where: for each lot its units by slot; `left` is the room that is free."""

    lots: Sequence[Lot[S]]
    left: dict[S, int]
    units: list[dict[S, int]] = field(default_factory=list)

    def add(self, number: int, lot: Lot[S]) -> None:
        """Places a lot, and moves others where that brings more, until no unit of it would add anything."""
        self.units.append({})
        rest = lot.amount
        while rest:
            value, steps = self.values()
            slot = max(lot.gains, key=lambda each: lot.gains[each] + value[each], default=None)
            if slot is None or lot.gains[slot] + value[slot] <= 0:
                return
            rest -= self._send(number, slot, steps, rest)

    def values(self) -> tuple[dict[S, int], dict[S, _Step[S]]]:
        """Returns what it adds to free a unit of each slot, never more than zero, and the first step of doing so."""
        value = {slot: 0 if room else NEVER for slot, room in self.left.items()}
        steps: dict[S, _Step[S]] = {}
        is_settled = False
        while not is_settled:
            is_settled = True
            for number, units in enumerate(self.units):
                gains = self.lots[number].gains
                for slot in units:
                    best, to = self._best_move(gains, slot, value)
                    if best > value[slot]:
                        value[slot], steps[slot], is_settled = best, _Step(number, to), False
        return value, steps

    def _best_move(self, gains: Mapping[S, int], slot: S, value: Mapping[S, int]) -> tuple[int, S | None]:
        best, to = -gains[slot], None
        for other, gain in gains.items():
            if other != slot and gain - gains[slot] + value[other] > best:
                best, to = gain - gains[slot] + value[other], other
        return best, to

    def _send(self, number: int, slot: S, steps: Mapping[S, _Step[S]], rest: int) -> int:
        """Moves units along the way that frees the slot, as many as each step allows, and returns how many."""
        way, amount = self._way(slot, steps, rest)
        self._put(number, slot, amount)
        for at, step in way:
            self._put(step.lot, at, -amount)
            if step.to is not None:
                self._put(step.lot, step.to, amount)
        last = way[-1][1].to if way else slot
        if last is not None:
            self.left[last] -= amount
        return amount

    def _way(self, slot: S, steps: Mapping[S, _Step[S]], rest: int) -> tuple[list[tuple[S, _Step[S]]], int]:
        way: list[tuple[S, _Step[S]]] = []
        amount, at = rest, slot
        while not self.left[at]:
            step = steps[at]
            amount = min(amount, self.units[step.lot][at])
            way.append((at, step))
            if step.to is None:
                return way, amount
            at = step.to
        return way, min(amount, self.left[at])

    def _put(self, number: int, slot: S, amount: int) -> None:
        units = self.units[number]
        units[slot] = units.get(slot, 0) + amount
        if not units[slot]:
            del units[slot]


def best_prices(lots: Sequence[Lot[S]], rooms: Mapping[S, int]) -> dict[S, int]:
    """Returns for each slot what one more unit of room would add when all is placed at its best; rooms are not zero."""
    placed = _Placed(lots, dict(rooms))
    for number, lot in enumerate(lots):
        placed.add(number, lot)
    values, _ = placed.values()
    return {slot: -minus for slot, minus in values.items()}
