"""The pasts of the cards in the event loop's memory: which may be decided on, and reading those anew that may not.

A past is new enough for CARD_HISTORY_MAX_AGE_S. It stays so while the looks at what others decided go on and find
nothing about its card (issuing/history/followed.py).
"""

import asyncio
import contextvars
import logging
import time
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final

from django.db import DatabaseError

from issuing.authorizations import past
from issuing.authorizations.facts import CardFacts, KnownCard
from issuing.authorizations.shared_statement import MOST_TOGETHER, SharedStatement
from issuing.history import reading
from issuing.history.card_history import History
from issuing.history.followed import FollowedPasts
from onecard.kit.postgresql.loop_connection import LoopConnection
from routing import strategy

log = logging.getLogger(__name__)

# No answer waits for a look. The next one is due only later than this.
LOOK_MS: Final = 1000.0


def may_decide(known: KnownCard) -> bool:
    """Returns whether a card in memory may be decided on: its past is new enough, or nothing looks at it.

    What a choice by value counts of caps changes with other cards' purchases as well, so there the age decides.
    """
    card = known.facts
    if card.past.is_fresh() or not past.is_used(known):
        return True
    return not strategy.is_by_value(card.preference) and _followed.has(card.id, card.past)


async def read_anew(card: CardFacts, *, within_s: float) -> None:
    """Puts the past of a card in memory in anew, as the database has it now; raises as SharedStatement does."""
    asked_at = time.monotonic()
    card.past.history = await pasts(card.id, within_s=within_s)
    keep(card, asked_at=asked_at)


def keep(card: CardFacts, *, asked_at: float) -> None:
    """Follows the past that was just read with a card or for it; `asked_at` is the moment before."""
    card.past.read_at = asked_at
    _followed.keep(card.id, card.past)


def deciding(card: CardFacts) -> AbstractContextManager[None]:
    """Inside, a decision on the card may be committed and is not in its past in memory yet: see FollowedPasts."""
    return _followed.deciding(card.id)


def add_own(card: CardFacts, decision_id: uuid.UUID) -> None:
    """Notes a decision that was added to a past in memory, and has a look at those of others where one is due."""
    global _looking  # noqa: PLW0603  (the loop itself keeps no task alive)
    _followed.add_own(card.id, decision_id)
    if _followed.is_due():
        _looking = asyncio.get_running_loop().create_task(_look(), context=contextvars.Context())


async def _look() -> None:
    looked_at = time.monotonic()
    try:
        look = await reading.look(_link, _followed.newest_id, remaining_ms=LOOK_MS)
    except DatabaseError as error:
        log.warning("pasts of cards: no look at what others decided, so they are read anew by their age: %s", error)
    else:
        _followed.take(look, looked_at=looked_at)


async def _read(connection: LoopConnection, cards: Sequence[int], left_ms: float) -> Sequence[History]:
    return await reading.read_pasts(connection, cards, remaining_ms=left_ms)


pasts: Final[SharedStatement[int, History]] = SharedStatement(_read, at_once=1, most=MOST_TOGETHER)
_followed: Final = FollowedPasts()
_link: Final = LoopConnection()
_looking: "asyncio.Task[None] | None" = None


def forget() -> None:
    """Drops what an ended loop left, as a restart does: for tests."""
    pasts.forget()
    _link.close()
    _followed.give_up()
