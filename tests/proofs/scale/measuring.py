"""Asks both databases in turns: the same loads, at the same number of cards, in the same minutes."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from django.db import connection

from issuing.models import JournalEntry
from tests.proofs.bench.servers import Server
from tests.proofs.bench.turns import Load, Turns
from tests.proofs.own_database import connected_to
from tests.proofs.scale.table import scattered

EMPTY, FULL = "empty", "full"
# Warm: cards that the process knows, and that have bought today. Cold: a card that it has not heard of, drawn from all,
# with its first purchase of the day.
WARM, COLD = "warm", "cold"
LOADS: Final = (Load("one_connection", 1), Load("closed_32", 32))
WRITTEN_OUT_WITHIN_S: Final = 120.0


@dataclass(slots=True)
class Side:
    """A database with the product that answers from it; `asked` cold cards have had their purchase."""

    name: str
    database: str
    cards: int
    server: Server
    asked: int = 0


@dataclass(slots=True)
class Measuring:
    """`warm` cards are asked again and again; `turns` gathers the reports by load and side."""

    turns: Turns
    warm: int
    sides: list[Side] = field(default_factory=list)

    def steps(self, rounds: int) -> Iterator[str]:
        """Does one measurement for each name that it yields. The cold cards come last: they displace the warm ones."""
        for side in self.sides:
            yield f"{side.name}, warming up"
            self._warm_up(side)
        for spread in (WARM, COLD):
            for number in range(rounds):
                for load in LOADS:
                    # Whoever comes first in one round comes second in the next.
                    for side in self.sides[:: -1 if number % 2 else 1]:
                        yield f"{side.name}, {spread}, {load.name}"
                        self._measure(side, load, spread)

    def total(self, rounds: int) -> int:
        return len(self.sides) * (1 + 2 * rounds * len(LOADS))

    def _warm_up(self, side: Side) -> None:
        load = Load("warm_up", 16, cards=self.warm)
        self.turns.post(load, side.name, side.server, seconds=max(self.turns.seconds, self.warm / 1000))
        _wait_for_journal(side)

    def _measure(self, side: Side, load: Load, spread: str) -> None:
        """One turn. Each begins after a checkpoint and ends with all written out, so none pays for the one before."""
        with connected_to(side.database):
            before = _log_position(checkpoint=True)
        cold = spread == COLD
        asked = self._at_cold_cards(side, load) if cold else replace(load, cards=self.warm)
        report = self.turns.post(replace(asked, name=f"{load.name}_{spread}"), side.name, side.server)
        side.asked += int(report["sent"]) if cold else 0
        report["written_out_s"] = _wait_for_journal(side)
        with connected_to(side.database):
            report["log_bytes"] = _log_position() - before

    def _at_cold_cards(self, side: Side, load: Load) -> Load:
        """Each card once, wherever its row is, before one comes again."""
        cold = side.cards - self.warm
        return replace(load, cards=cold, lowest=self.warm, step=scattered(cold), number=side.asked)


def _wait_for_journal(side: Side) -> float:
    """Waits until the product has written out what it decided; returns the seconds that it took."""
    began = time.monotonic()
    with connected_to(side.database):
        while JournalEntry.objects.exists() and time.monotonic() - began < WRITTEN_OUT_WITHIN_S:
            time.sleep(0.05)
    return time.monotonic() - began


def _log_position(*, checkpoint: bool = False) -> int:
    with connection.cursor() as cursor:
        if checkpoint:
            cursor.execute("CHECKPOINT")
        cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0'")
        return int(cursor.fetchone()[0])


def of_side(reports: Any, side: str) -> int:
    """Returns how many purchases a side has approved in all."""
    return sum(int(each["approved"]) for (_, who), rounds in reports.items() if who == side for each in rounds)
