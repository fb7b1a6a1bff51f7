"""Runs A, B and the product turn by turn, and gathers what each load saw and what each part cost."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from tests.proofs.bench import cpu, one_commit
from tests.proofs.bench.servers import Server

HOT: Final = 1
IN_MEMORY: Final = "in_memory"
OVERLOAD: Final = "twice_the_rate"
# What the product does in a closed loop just before is what its rate is twice of.
SUSTAINED: Final = "closed_32"


@dataclass(frozen=True, slots=True)
class Load:
    """A way to send: connections at once, how many a second (0: as fast as they are answered), and to which cards.

    With a rate, connections are added up to `most_connections`, so that what is due is sent at its time.
    Of `cards` cards, counted from `lowest`, each request goes to the one that is `step` further; `number` is the first.
    It ends after `most_requests`, where that is not 0.
    """

    name: str
    connections: int
    rate: float = 0.0
    cards: int = 0
    lowest: int = 0
    step: int = 1
    number: int = 0
    most_connections: int = 0
    most_requests: int = 0


LOADS: Final = (
    Load("one_connection", 1),
    Load("at_50", 8, rate=50.0, most_connections=64),
    Load("closed_32", 32),
    Load("closed_128", 128),
    Load("hot_card", 32, cards=HOT),
)
# What tests/proofs/bench/guarded.py compares.
UNDER_CONTROLS: Final = Load("closed_32_controls", 32)
# What tests/proofs/bench/by_value.py compares.
VALUE: Final = "closed_32_value"
LONGEST_WARM_UP_S: Final = 300.0
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
    seen: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def steps(self, rounds: int) -> Iterator[str]:
        """Does one measurement for each name that it yields; `self.loads` names the loads, none means all."""
        yield "warming up"
        self.warm_up(self.product, self.in_memory)
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
            if not self.loads or OVERLOAD in self.loads:
                yield "the product, twice what it can"
                self._overload()

    @property
    def is_wanted(self) -> bool:
        return not self.loads or bool(set(self.loads) - {UNDER_CONTROLS.name, VALUE})

    @property
    def chosen(self) -> list[Load]:
        """The loads that are measured beside the overload."""
        return [load for load in LOADS if not self.loads or load.name in self.loads]

    def warm_up(self, *servers: Server | None) -> None:
        """Every card once, so that caches are as after an hour and not as after a start."""
        load = Load("warm-up", 16, cards=self.cards, most_requests=self.cards)
        for server in filter(None, servers):
            self._run(server, load, seconds=LONGEST_WARM_UP_S)

    def _overload(self) -> None:
        sustained = self.post(next(load for load in LOADS if load.name == SUSTAINED), "product", self.product)["rps"]
        load = Load(OVERLOAD, 512, rate=2 * sustained, most_connections=8192)
        self.post(load, "product", self.product)["sustained"] = sustained

    def _ask_pgbench(self, pgbench: Path, load: Load) -> None:
        clients, seconds = CLIENTS_OF_A[load.name], int(self.seconds)
        floor = one_commit.measure(pgbench, cards=self.cards, clients=clients, seconds=seconds)
        self.seen[load.name, "pgbench"].append({"rps": floor.rps, "p50": floor.p50})

    def post(
        self,
        load: Load,
        who: str,
        server: Server,
        *,
        seconds: float = 0.0,
        settle: Callable[[], None] = lambda: None,
    ) -> dict[str, Any]:
        """Measures one load at one server, and keeps and returns the report.

        `settle` waits for what the load leaves to be done, whose CPU is the load's as well.
        """
        parts = {"web": server.pid} | ({"postgres": self.postmaster} if who != IN_MEMORY else {})
        before = {part: cpu.seconds_of(pid) for part, pid in parts.items()}
        report = self._run(server, load, seconds=seconds or self.seconds)
        settle()
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
            "most_requests": load.most_requests,
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
