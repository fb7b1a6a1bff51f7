"""The counters of one velocity control, in memory, as the committing statement keeps them in the database; pure."""

import datetime as dt
import heapq
from dataclasses import dataclass, field
from typing import Any, Final

from issuing.controls.definition import AMOUNT, TRAILING, Velocity
from issuing.limits.windows import Window

# What is given back later: when, the counter's name, the purchase, the amount and the count.
GiveBack = tuple[int, str, int, int, int]
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND: Final = dt.timedelta(microseconds=1)
MICROSECONDS: Final = 1_000_000


@dataclass(slots=True)
class Counters:
    """What each subject has spent, and how often; `later` is what approvals gave back afterwards, by its time."""

    velocity: Velocity
    sums: dict[str, list[int]] = field(default_factory=dict)
    # Of a trailing window: when, the purchase, the amount and the count, the oldest first.
    entries: dict[str, list[list[Any]]] = field(default_factory=dict)
    later: list[GiveBack] = field(default_factory=list)

    def used(self, name: str, at: dt.datetime) -> int:
        """Returns what counts now in minor units or purchases, after what was given back by then."""
        self._give_back_until(at)
        place = 0 if self.velocity.measure == AMOUNT else 1
        if self.velocity.window != TRAILING:
            return self.sums.get(name, [0, 0])[place]
        begin = _micro(at) - self.velocity.trailing_s * MICROSECONDS
        kept = [entry for entry in self.entries.get(name, ()) if entry[0] > begin]
        self.entries[name] = kept
        return sum(entry[2 + place] for entry in kept)

    def add(self, name: str, at: dt.datetime, *, purchase: int, amount_minor: int, count: int) -> None:
        """Counts an approval."""
        if self.velocity.window == TRAILING:
            self.entries.setdefault(name, []).append([_micro(at), purchase, amount_minor, count])
            return
        found = self.sums.setdefault(name, [0, 0])
        found[0], found[1] = found[0] + amount_minor, found[1] + count

    def give_back(self, at: dt.datetime, name: str, *, purchase: int, amount_minor: int, count: int) -> None:
        """Notes that an approval gave this back at a time that the replay has not reached yet."""
        heapq.heappush(self.later, (_micro(at), name, purchase, amount_minor, count))

    def as_json(self) -> dict[str, Any]:
        """Returns the counters as they are stored between two batches."""
        entries = {name: found for name, found in self.entries.items() if found}
        return {"sums": self.sums, "entries": entries, "later": self.later}

    def forget(self, at: dt.datetime) -> None:
        """Drops what counts no more at a moment, so that the counters of a long run stay few."""
        begin = _micro(at) - self.velocity.trailing_s * MICROSECONDS
        self.entries = {name: found for name, found in self.entries.items() if found[-1][0] > begin}
        self.sums = {name: found for name, found in self.sums.items() if end_of(name) > at}

    @classmethod
    def of_json(cls, velocity: Velocity, stored: dict[str, Any]) -> "Counters":
        later = [tuple(each) for each in stored.get("later", ())]
        return cls(velocity, stored.get("sums", {}), stored.get("entries", {}), later)

    def _give_back_until(self, at: dt.datetime) -> None:
        while self.later and self.later[0][0] <= _micro(at):
            _at, name, purchase, amount_minor, count = heapq.heappop(self.later)
            if self.velocity.window != TRAILING:
                found = self.sums.get(name, [0, 0])
                found[0], found[1] = found[0] - amount_minor, found[1] - count
                continue
            for entry in self.entries.get(name, ()):
                if entry[1] == purchase:
                    entry[2], entry[3] = entry[2] - amount_minor, entry[3] - count
                    break


def name_of(subject_id: int, window: Window) -> str:
    """Returns what a subject's counter in a window is called."""
    return f"{subject_id}|{window.starts_at.isoformat()}|{window.ends_at.isoformat()}"


def end_of(name: str) -> dt.datetime:
    """Returns when the window of a counter ends."""
    return dt.datetime.fromisoformat(name.rpartition("|")[2])


def _micro(at: dt.datetime) -> int:
    """Returns whole microseconds, as the database compares times."""
    return (at - EPOCH) // MICROSECOND
