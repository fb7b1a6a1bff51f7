"""The bare decision beside one with five fraud hooks, and one with these under twenty controls: short turns by turns.

Each side has a process of its own, and the controls a copy of the database, so nothing is switched between the turns,
and whatever else the machine does meets all sides. The CPU of a turn is that of the web server and of PostgreSQL, with
what is written out after the answers.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from issuing.models import JournalEntry
from tests.proofs.bench.servers import Server
from tests.proofs.bench.turns import UNDER_CONTROLS, Turns
from tests.proofs.own_database import connected_to

# The product without fraud hooks and controls, with hooks, and with both.
BARE: Final = "bare"
HOOKS: Final = "hooks"
BOTH: Final = "product"
# Turns of each side in a round, each half as long as one of another load.
TURNS: Final = 4
LONGEST_SETTLING_S: Final = 60.0


@dataclass(slots=True)
class Side:
    """A server and the name of its database; `asked` is how many requests it had."""

    who: str
    server: Server
    database: str
    asked: int = 0

    def settle(self) -> None:
        """Waits until everything that was decided is written out."""
        until = time.monotonic() + LONGEST_SETTLING_S
        with connected_to(self.database):
            while JournalEntry.objects.exists() and time.monotonic() < until:
                time.sleep(0.05)


@dataclass(slots=True)
class Guarded:
    """The sides; `turns` gathers their reports as those of the load UNDER_CONTROLS."""

    turns: Turns
    sides: list[Side] = field(default_factory=list)

    @property
    def is_wanted(self) -> bool:
        return not self.turns.loads or UNDER_CONTROLS.name in self.turns.loads

    def steps(self, rounds: int) -> Iterator[str]:
        """Does a turn of each side for each name that it yields, after every card was used once."""
        for side in self.sides:
            yield f"{side.who}, warming up"
            self.turns.warm_up(side.server)
        for number in range(rounds * TURNS):
            yield "bare, with hooks, under controls"
            # Whoever comes first in one turn comes last in the next.
            for side in self.sides[:: -1 if number % 2 else 1]:
                self._turn(side)

    def _turn(self, side: Side) -> None:
        """Goes on with the card after the last one, so that all cards are used, and each as seldom as that is."""
        load = replace(UNDER_CONTROLS, number=side.asked)
        seconds = self.turns.seconds / 2
        side.asked += self.turns.post(load, side.who, side.server, seconds=seconds, settle=side.settle)["sent"]
