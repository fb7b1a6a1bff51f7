"""Which pasts in a process's memory are still those of the database (docs/decisions/0073).

A process looks every few seconds which decisions were written out since it looked last. Its own it has added to the
past in its memory; the past of a card with any other is old from then on. So a past that nobody else has changed need
not be read again because time goes by.
"""

import math
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from django.conf import settings

from issuing.history.card_history import History

PAUSE_S: Final = 2.0
# Where so many others decide that a look would be long, pasts are read anew by their age, and it is tried again later.
MOST_DECISIONS: Final = 10_000
AFTER_TOO_MANY_S: Final = 60.0
# Rarely something else than a decision changes a past, as a rebuild does: it is seen after this time.
LONGEST_S: Final = 900.0
MOST_PASTS: Final = 20_000


@dataclass(slots=True)
class Past:
    """A card's past as a process knows it; `read_at`, of time.monotonic, is no later than the moment of its reading.

    It has no version and grows with each decision, so it is the one part of CardFacts that is put in anew.
    """

    history: History
    read_at: float = field(default_factory=time.monotonic)

    def is_fresh(self) -> bool:
        """Returns whether it is younger than CARD_HISTORY_MAX_AGE_S."""
        return time.monotonic() - self.read_at < settings.CARD_HISTORY_MAX_AGE_S


# A decision's public id as bytes, and its card.
Made = tuple[bytes, int]


class Look(NamedTuple):
    """What one statement saw: the newest written decision, those that wait in the journal, and those written since.

    `written` is None where they were more than MOST_DECISIONS, or those in the journal.
    """

    newest_id: int
    waiting: frozenset[Made]
    written: frozenset[Made] | None


class FollowedPasts:
    """The pasts that are known to lack no decision that was written out before the last look.

    Decisions get their ids before their transaction ends, so one may be written out below the newest id of a look. It
    was in the journal at that look, and is counted by the next one that no longer finds it there.
    """

    def __init__(self) -> None:
        self._pasts: OrderedDict[int, Past] = OrderedDict()
        self._deciding: dict[int, int] = {}
        self._own: dict[int, set[bytes]] = {}
        self._own_count = 0
        self._newest_id: int | None = None
        self._waiting: frozenset[Made] = frozenset()
        self._due_at = self._looked_at = self._taken_at = 0.0

    @property
    def newest_id(self) -> int | None:
        """The newest decision of the last look; None where the next one begins anew."""
        return self._newest_id

    def is_due(self) -> bool:
        """Returns whether it is time for a look; a caller who gets True makes it."""
        now = time.monotonic()
        if now < self._due_at:
            return False
        self._due_at = now + PAUSE_S
        return True

    def has(self, card_id: int, past: Past) -> bool:
        """Returns whether this past of a card may be decided on, as one that was read a moment ago."""
        if self._pasts.get(card_id) is not past:
            return False
        now = time.monotonic()
        return now - self._looked_at < settings.CARD_HISTORY_MAX_AGE_S and now - past.read_at < LONGEST_S

    def keep(self, card_id: int, past: Past) -> None:
        """Follows a past that was just read, if it is certain what it holds.

        It is not while decisions of this process on the card may be in it or not, nor where a look ended meanwhile.
        """
        is_uncertain = card_id in self._deciding or card_id in self._own
        if self._newest_id is None or past.read_at <= self._taken_at or is_uncertain:
            self._pasts.pop(card_id, None)
            return
        self._pasts[card_id] = past
        self._pasts.move_to_end(card_id)
        if len(self._pasts) > MOST_PASTS:
            self._pasts.popitem(last=False)

    @contextmanager
    def deciding(self, card_id: int) -> Iterator[None]:
        """Inside, a decision of this process on the card may be committed and is not in the past in its memory yet."""
        self._deciding[card_id] = self._deciding.get(card_id, 0) + 1
        try:
            yield
        finally:
            left = self._deciding.pop(card_id) - 1
            if left:
                self._deciding[card_id] = left

    def add_own(self, card_id: int, decision_id: uuid.UUID) -> None:
        """Notes a decision that this process has added to the card's past in its memory."""
        if self._newest_id is None:
            return
        self._own.setdefault(card_id, set()).add(decision_id.bytes)
        self._own_count += 1
        if self._own_count > MOST_DECISIONS:
            # They count as those of others when they are seen.
            self._forget_own()

    def take(self, look: Look, *, looked_at: float) -> None:
        """Makes the pasts old that others have changed; `looked_at` is the moment before the look."""
        # After a failover that lost decisions, their ids come again: what has them would not be seen.
        is_another_server = self._newest_id is not None and look.newest_id < self._newest_id
        if look.written is None or is_another_server:
            self.give_up()
            self._due_at = looked_at + AFTER_TOO_MANY_S
            return
        for decision_id, card_id in look.written | (self._waiting - look.waiting):
            self._see(decision_id, card_id)
        self._newest_id, self._waiting = look.newest_id, look.waiting
        self._looked_at, self._taken_at = looked_at, time.monotonic()

    def give_up(self) -> None:
        """Follows none of the pasts any more, until the next look begins anew."""
        self._pasts.clear()
        self._forget_own()
        self._newest_id, self._waiting, self._due_at = None, frozenset(), 0.0

    def _see(self, decision_id: bytes, card_id: int) -> None:
        mine = self._own.get(card_id)
        if mine is None or decision_id not in mine:
            past = self._pasts.pop(card_id, None)
            if past is not None:
                past.read_at = -math.inf
            return
        mine.discard(decision_id)
        self._own_count -= 1
        if not mine:
            del self._own[card_id]

    def _forget_own(self) -> None:
        self._own.clear()
        self._own_count = 0
