"""What came in and what went out, kept for tests and for the person who watches."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Generic, TypeVar

from tests.sandbox.wire import Json

_KEPT = 20_000
Entry = TypeVar("Entry", "Received", "Delivery")


@dataclass(slots=True)
class Received:
    """One request to the sandbox; `status` is set once it was carried out, `answered` once the answer was written."""

    method: str
    path: str
    form: Json
    idempotency_key: str | None = None
    request_id: str | None = None
    status: int | None = None
    answered: bool = False
    replayed: bool = False
    scenarios: list[str] = field(default_factory=list)
    received_at: float = field(default_factory=time.time)
    elapsed_ms: float | None = None


@dataclass(slots=True, frozen=True)
class Delivery:
    """One attempt to hand over one event, with the whole answer; `elapsed_ms` is the measured round trip.

    Events that went out in one POST have the same `batch`.
    """

    event_id: str
    event_type: str
    object_id: str
    url: str
    attempt: int
    sent_at: float
    elapsed_ms: float
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    error: str | None = None
    scenario: str | None = None
    batch: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the receiver answered with a 2xx status."""
        return self.status is not None and 200 <= self.status < 300


class Journal(Generic[Entry]):
    """The last `kept` entries, which several threads write and anybody may wait on; `added` counts them all."""

    def __init__(self, *, kept: int = _KEPT) -> None:
        self._entries: deque[Entry] = deque(maxlen=max(kept, _KEPT))
        self._changed = threading.Condition()
        self.added = 0

    def add(self, entry: Entry) -> Entry:
        """Append an entry, and hand it back."""
        with self._changed:
            self._entries.append(entry)
            self.added += 1
            self._changed.notify_all()
        return entry

    def change(self, entry: Entry, **values: object) -> None:
        """Set attributes of an entry, and wake those who wait for them."""
        with self._changed:
            for name, value in values.items():
                setattr(entry, name, value)
            self._changed.notify_all()

    def find(self, **wanted: object) -> list[Entry]:
        """Copy the entries whose attributes equal the given values, oldest first."""
        with self._changed:
            return [entry for entry in self._entries if _matches(entry, wanted)]

    def wait_for(self, *, count: int = 1, timeout_s: float = 5.0, **wanted: object) -> list[Entry]:
        """Wait until `count` such entries are there; raises TimeoutError that tells what was there instead."""
        found: list[Entry] = []

        def enough() -> bool:
            found[:] = [entry for entry in self._entries if _matches(entry, wanted)]
            return len(found) >= count

        self._wait(enough, timeout_s)
        if len(found) < count:
            raise TimeoutError(f"Waited {timeout_s} s for {count} of {wanted}, saw {len(found)}.")
        return found

    def taken(self) -> tuple[list[Entry], int]:
        """Takes all entries and their count out for good, for the sandbox's memory."""
        self._changed.acquire()
        return list(self._entries), self.added

    def put_back(self, entries: list[Entry], added: int) -> None:
        """Has these entries again."""
        self._entries.extend(entries)
        self.added = added

    def clear(self) -> None:
        """Forget every entry."""
        with self._changed:
            self._entries.clear()

    def to_json(self, **wanted: object) -> list[Json]:
        """List the matching entries as JSON values."""
        return [asdict(entry) for entry in self.find(**wanted)]

    def _wait(self, enough: Callable[[], bool], timeout_s: float) -> None:
        with self._changed:
            self._changed.wait_for(enough, timeout_s)


def _matches(entry: Received | Delivery, wanted: dict[str, object]) -> bool:
    return all(getattr(entry, name) == value for name, value in wanted.items())
