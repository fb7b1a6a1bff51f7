"""What a process knows of the journal: who was answered what, and how much was approved for each card.

Other processes of the machine write to the same file, so whoever answers reads first what has been added.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from issuing.issuers.messages import AuthorizationRequest
from issuing.stand_in import files
from issuing.stand_in.entries import DamagedLineError, Entry, Given, Item, Voided, read_line

log = logging.getLogger(__name__)

# The beginning of a file tells it from every other, whatever its name: each line is sealed with random bytes.
HEAD_BYTES: Final = 80
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Known:
    """An answer that was given, as far as later requests need it."""

    id: str
    event: Key
    round: tuple[str, str, str]
    card: Key
    fingerprint: str
    response: bytes
    approved_minor: int
    answered_at: float
    awaits_mark: bool


class Index:
    """Used under the journal's lock."""

    def __init__(self) -> None:
        self.damaged = 0
        self._by_id: dict[str, Known] = {}
        self._by_event: dict[Key, Known] = {}
        self._by_round: dict[tuple[str, str, str], Known] = {}
        self._approved: dict[Key, dict[str, Known]] = defaultdict(dict)
        self._given: set[str] = set()
        self._read_to: dict[bytes, int] = {}

    def catch_up(self, place: Path) -> None:
        """Reads what was added to the files since the last time."""
        for path in files.journals(place):
            with path.open("rb") as file:
                head = file.read(HEAD_BYTES)
                file.seek(self._read_to.get(head, 0))
                added = file.read()
            whole = added[: added.rfind(b"\n") + 1]
            if whole:
                self._read_to[head] = self._read_to.get(head, 0) + len(whole)
                self._take(whole.splitlines())

    def of_event(self, asked: AuthorizationRequest) -> Known | None:
        """Returns the answer to an event with this id."""
        return self._by_event.get((asked.provider, asked.event_id))

    def of_round(self, asked: AuthorizationRequest) -> Known | None:
        """Returns the answer to another event about this round of the purchase."""
        return self._by_round.get((asked.provider, asked.authorization_id, asked.round_key))

    def approved_minor(self, asked: AuthorizationRequest) -> int:
        """Returns what was approved for the card within 24 hours, in minor units of its currency."""
        since = time.time() - files.DAY_S
        known = self._approved.get((asked.provider, asked.issuer_card_id), {})
        return sum(each.approved_minor for each in known.values() if each.answered_at > since)

    def add(self, entry: Entry) -> None:
        """Notes an entry that is being written, so that the next request sees it."""
        asked = entry.request
        issuer = asked["provider"]
        known = Known(
            id=entry.id,
            event=(issuer, asked["event_id"]),
            round=(issuer, asked["authorization_id"], asked["round_key"]),
            card=(issuer, asked["issuer_card_id"]),
            fingerprint=asked["fingerprint"],
            response=entry.response,
            approved_minor=asked["amount_minor"] if entry.is_approval else 0,
            answered_at=entry.answered_at,
            awaits_mark=entry.awaits_mark,
        )
        self._by_id[known.id] = self._by_event[known.event] = self._by_round[known.round] = known
        self._approved[known.card][known.id] = known

    def lacks_mark(self, entry_id: str) -> bool:
        """Returns whether it is an approval that is not marked as given."""
        known = self._by_id.get(entry_id)
        return known is not None and known.awaits_mark and entry_id not in self._given

    def remove(self, entry_id: str) -> None:
        """Forgets an entry whose answer was not given."""
        known = self._by_id.pop(entry_id, None)
        if known is not None:
            self._by_event.pop(known.event, None)
            self._by_round.pop(known.round, None)
            self._approved[known.card].pop(known.id, None)

    def _take(self, lines: list[bytes]) -> None:
        for item in read_all(lines):
            if isinstance(item, Entry):
                self.add(item)
            elif isinstance(item, Voided):
                self.remove(item.voided)
            elif isinstance(item, Given):
                self._given.add(item.given)
            else:
                self.damaged += 1
                log.error("stand-in: a line of the journal is damaged: %s", item)


def read_all(lines: list[bytes]) -> Iterator[Item | DamagedLineError]:
    """Reads lines one by one; a damaged one is yielded as its error. An empty line is the end of a torn one."""
    for line in lines:
        if line:
            try:
                yield read_line(line)
            except DamagedLineError as error:
                yield error
