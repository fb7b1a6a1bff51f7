"""Runs A, B and the product turn by turn, and gathers what each load saw and what each part cost."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from tests.proofs.bench import controlled, cpu, one_commit
from tests.proofs.bench.servers import Server

HOT: Final = 1
# The product without fraud hooks, and without the twenty controls.
BARE: Final = "bare"
IN_MEMORY: Final = "in_memory"
OVERLOAD: Final = "twice_the_rate"
# What the product does in a closed loop just before is what its rate is twice of.
SUSTAINED: Final = "closed_32"


@dataclass(frozen=True, slots=True)
class Load:
    """A way to send: connections at once, how many a second (0: as fast as they are answered), and to which cards.

    With a rate, connections are added up to `most_connections`, so that what is due is sent at its time.
    Of `cards` cards, counted from `lowest`, each request goes to the one that is `step` further; `number` is the first.
    """

    name: str
    connections: int
    rate: float = 0.0
    cards: int = 0
    lowest: int = 0
    step: int = 1
    number: int = 0
    most_connections: int = 0


LOADS: Final = (
    Load("one_connection", 1),
    Load("at_50", 8, rate=50.0, most_connections=64),
    Load("closed_32", 32),
    Load("closed_128", 128),
    Load("hot_card", 32, cards=HOT),
)
CLOSED_32: Final = next(load for load in LOADS if load.name == "closed_32")
UNDER_CONTROLS: Final = Load("closed_32_controls", 32)
CLIENTS_OF_A: Final = {"one_connection": 1, "closed_32": 16}


@dataclass(slots=True)
class Turns:
    """What is measured; `seen` maps (load, who) to the reports of the rounds."""

    cards: int
    seconds: float
    secret: str
    product: Server
    in_memory: Server | None
    pgbench: Path | None
    postmaster: int
    loads: Sequence[str] = ()
    bare: Server | None = None
    seen: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def steps(self, rounds: int) -> Iterator[str]:
        """Does one measurement for each name that it yields; `self.loads` names the loads, none means all."""
        for _ in range(rounds):
            for load in self.chosen:
                if self.pgbench and load.name in CLIENTS_OF_A:
                    yield f"A, {load.name}"
                    self._ask_pgbench(self.pgbench, load)
                if self.in_memory and load.cards != HOT:
                    yield f"B, {load.name}"
                    self.post(load, IN_MEMORY, self.in_memory)
                yield f"the product, {load.name}"
                self.post(load, "product", self.product)
            if self.bare and (not self.loads or UNDER_CONTROLS.name in self.loads):
                yield "the product without hooks, closed_32"
                self.post(CLOSED_32, BARE, self.bare)
            if not self.loads or UNDER_CONTROLS.name in self.loads:
                yield "the product, under twenty controls"
                self._under_controls()
            if not self.loads or OVERLOAD in self.loads:
                yield "the product, twice what it can"
                self._overload()

    @property
    def chosen(self) -> list[Load]:
        """The loads that are measured beside the overload."""
        return [load for load in LOADS if not self.loads or load.name in self.loads]

    def warm_up(self) -> None:
        """Every card once, so that caches are as after an hour and not as after a start."""
        for server in filter(None, (self.product, self.bare, self.in_memory)):
            self._run(server, Load("warm-up", 16, cards=self.cards), seconds=max(3.0, self.cards / 1000))

    def _under_controls(self) -> None:
        versions = controlled.put_into_force()
        try:
            # Each card's counters are opened once a window, which is not what is measured.
            self._run(self.product, Load("warm-up", 32, cards=self.cards), seconds=max(3.0, self.cards / 1000))
            self.post(UNDER_CONTROLS, "product", self.product)
        finally:
            controlled.switch_off(versions)

    def _overload(self) -> None:
        sustained = self.post(next(load for load in LOADS if load.name == SUSTAINED), "product", self.product)["rps"]
        load = Load(OVERLOAD, 512, rate=2 * sustained, most_connections=8192)
        self.post(load, "product", self.product)["sustained"] = sustained

    def _ask_pgbench(self, pgbench: Path, load: Load) -> None:
        clients, seconds = CLIENTS_OF_A[load.name], int(self.seconds)
        floor = one_commit.measure(pgbench, cards=self.cards, clients=clients, seconds=seconds)
        self.seen[load.name, "pgbench"].append({"rps": floor.rps, "p50": floor.p50})

    def post(self, load: Load, who: str, server: Server, *, seconds: float = 0.0) -> dict[str, Any]:
        """Measures one load at one server, and keeps and returns the report."""
        parts = {"web": server.pid} | ({"postgres": self.postmaster} if who != IN_MEMORY else {})
        before = {part: cpu.seconds_of(pid) for part, pid in parts.items()}
        report = self._run(server, load, seconds=seconds or self.seconds)
        report |= {f"{part}_cpu_s": cpu.seconds_of(pid) - before[part] for part, pid in parts.items()}
        self.seen[load.name, who].append(report)
        return report

    def _run(self, server: Server, load: Load, *, seconds: float) -> dict[str, Any]:
        asked = {
            "port": server.port,
            "secret": self.secret,
            "api_version": settings.STRIPE_API_VERSION,
            "cards": load.cards or self.cards,
            "lowest": load.lowest,
            "step": load.step,
            "number": load.number,
            "connections": load.connections,
            "most_connections": load.most_connections,
            "within_ms": settings.DECISION_DEADLINE_MS,
            "rate": load.rate,
            "seconds": seconds,
        }
        command = [sys.executable, "-m", "tests.proofs.bench.load", json.dumps(asked)]
        done = subprocess.run(command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, check=True)
        return dict(json.loads(done.stdout))


def names(reports: Iterable[tuple[str, str]]) -> list[str]:
    """Returns the loads that were measured, in their order."""
    measured = {load for load, _ in reports}
    return [load.name for load in LOADS if load.name in measured]
