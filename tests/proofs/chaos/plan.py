"""Which part meets which fault, when and for how long: drawn from a seed before anything starts. Pure.

Each part of the system comes once before any comes twice, and so does each kind of fault of one part.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

# What can be done to each part. `kill_one` kills one process of a server that has several.
FAULTS: Final[dict[str, tuple[str, ...]]] = {
    "postgres": ("stop", "kill", "kill_one", "silence", "slow", "throttle", "cut", "mute", "lose"),
    # Whenever it ends, it has lost all that it had.
    "redis": ("stop", "kill", "silence", "slow", "cut", "mute", "lose"),
    # One of the services, behind nginx.
    "web": ("stop", "kill", "kill_one", "silence", "slow", "cut", "mute", "lose"),
    # nginx, and the road from the issuers to it.
    "front": ("kill", "silence", "slow", "cut", "mute", "lose"),
    "worker": ("stop", "kill", "silence"),
    "clock": ("stop", "kill", "silence"),
    "relay": ("stop", "kill", "silence"),
    # Both issuers and the processor; killed while it loses answers, so that nobody knows what became of a charge.
    "sandbox": ("stop", "kill", "silence", "slow", "throttle", "cut", "mute", "lose"),
}
MEANING: Final = {
    "stop": "asked to end (SIGTERM; PostgreSQL by SIGINT), and started again at the fault's end",
    "kill": "killed with all its processes (SIGKILL), and started again at the fault's end",
    "kill_one": "one of its processes killed (SIGKILL), which nobody here starts again",
    "silence": "stopped in its tracks (SIGSTOP), and let go on at the fault's end (SIGCONT)",
    "slow": "every message on its way there and back takes longer",
    "throttle": "so many bytes a second on each connection, and no more",
    "cut": "its connections are reset and new ones refused",
    "mute": "its connections stay, new ones are taken, and nothing that is sent arrives before the fault's end",
    "lose": "what is sent there arrives, and nothing that it answers; what lost an answer is reset at the fault's end",
}
SHORTEST_S, LONGEST_S, LONGEST_IN_SHORT_S = 2.0, 15.0, 6.0
# A run of no more than this is short.
SHORT_S = 300.0
# Between the end of one fault and the beginning of the next.
PAUSE_S = 5.0
BEFORE_THE_FIRST_S = 5.0
SLOWEST_MS, FASTEST_MS = 600, 50
LEAST_BYTES, MOST_BYTES = 4_000, 40_000


@dataclass(frozen=True, slots=True)
class Fault:
    """`value` is milliseconds for `slow`, bytes a second for `throttle`, and 0 otherwise."""

    at_s: float
    part: str
    kind: str
    duration_s: float
    value: int = 0

    @property
    def hides_us(self) -> bool:
        """Whether issuers cannot reach us, or hear us, while it lasts: their own fault, or that of the road to us."""
        return self.part == "front" or (self.part == "sandbox" and self.kind in ("stop", "kill", "silence"))

    @property
    def name(self) -> str:
        """Part and kind, by which the report counts."""
        return f"{self.part} {self.kind}"

    def __str__(self) -> str:
        extent = {"slow": f", {self.value} ms each way", "throttle": f", {self.value} bytes a second"}
        return f"{self.at_s:7.1f} s  {self.part:<9} {self.kind:<9} {self.duration_s:4.1f} s{extent.get(self.kind, '')}"


def draw(seed: int, *, seconds: float) -> list[Fault]:
    """Returns the faults of a run of so many seconds, in their order; the same for the same seed."""
    chance = random.Random(f"chaos:{seed}")
    longest_s = LONGEST_IN_SHORT_S if seconds <= SHORT_S else LONGEST_S
    faults: list[Fault] = []
    at_s = BEFORE_THE_FIRST_S
    for part, kind in _turns(chance):
        duration_s = round(chance.uniform(SHORTEST_S, longest_s), 1)
        fault = Fault(round(at_s, 1), part, kind, duration_s, _value(kind, chance))
        if at_s + duration_s > seconds:
            return faults
        faults.append(fault)
        at_s += duration_s + PAUSE_S
    raise AssertionError("the turns never end")


def _turns(chance: random.Random) -> Iterator[tuple[str, str]]:
    kinds = {part: _over_and_over(kinds, chance) for part, kinds in FAULTS.items()}
    return ((part, next(kinds[part])) for part in _over_and_over(tuple(FAULTS), chance))


def _over_and_over(things: tuple[str, ...], chance: random.Random) -> Iterator[str]:
    """All of them in an order by chance, then all of them in another."""
    return itertools.chain.from_iterable(chance.sample(things, k=len(things)) for _ in itertools.count())


def _value(kind: str, chance: random.Random) -> int:
    if kind == "slow":
        return chance.randint(FASTEST_MS, SLOWEST_MS)
    return chance.randint(LEAST_BYTES, MOST_BYTES) if kind == "throttle" else 0
