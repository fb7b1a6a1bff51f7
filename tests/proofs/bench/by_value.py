"""Decisions by value with ten funding cards, beside the same wallets by rewards and wallets of four, without hooks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from tests.proofs.bench import valued
from tests.proofs.bench.servers import Server
from tests.proofs.bench.turns import VALUE, Load, Turns

WHO: Final = "bare"
FOUR_CARDS: Final = Load("closed_32_four_cards", 32)
TEN_CARDS: Final = Load("closed_32_ten_cards", 32)
BY_VALUE: Final = Load(VALUE, 32)
MOST_PEOPLE: Final = 2_000


@dataclass(frozen=True, slots=True)
class ByValue:
    """The three loads in turn, at the product without hooks; the people with ten cards come behind the others."""

    turns: Turns
    bare: Server

    @property
    def is_wanted(self) -> bool:
        return not self.turns.loads or BY_VALUE.name in self.turns.loads

    def steps(self, rounds: int) -> Iterator[str]:
        """Does one measurement for each name that it yields."""
        for _ in range(rounds):
            yield f"the product without hooks, {FOUR_CARDS.name}"
            self._measure(FOUR_CARDS)
            for load, preference in ((TEN_CARDS, valued.BY_REWARDS), (BY_VALUE, valued.BY_VALUE)):
                yield f"the product without hooks, {load.name}"
                valued.prefer(preference)
                self._measure(replace(load, lowest=self.turns.cards))

    def _measure(self, load: Load) -> None:
        load = replace(load, cards=min(self.turns.cards, MOST_PEOPLE))
        # Each card is read once, as after its first purchase.
        warm_up = replace(load, name="warm_up")
        self.turns.post(warm_up, WHO, self.bare, seconds=max(3.0, load.cards / 500))
        del self.turns.seen[warm_up.name, WHO]
        self.turns.post(load, WHO, self.bare)
