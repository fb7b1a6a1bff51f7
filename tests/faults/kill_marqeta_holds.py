"""The killed flows of Marqeta's purchases under hold_then_capture: approved, cleared for less, reversed, expired.

Marqeta names no end: it is a clearing of all, or one that says it is the last, a reversal, an expiry.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from issuing.models import Authorization
from tests.faults import kill_stories as story
from tests.faults.kill_checks import End
from tests.faults.kill_flows import Event, Flow, told
from tests.faults.kill_holds import (
    FOR_LESS,
    GIVEN_UP,
    HELD,
    KEPT,
    loses_cancels_answer,
    loses_captures_answer,
    of_worker,
)
from tests.faults.kill_world import World
from tests.faults.kills import Death
from tests.support import marqeta_events

EXPIRY = "authorization.reversal.issuerexpiration"
EXPIRED = replace(GIVEN_UP, status="expired")
NOTHING = End("declined", paid=0, spent=0, charges=0)


def held_if_answered(_world: World, death: Death) -> End:
    return KEPT if death.said else NOTHING


def paid_and_over(_world: World, _death: Death) -> End:
    """What was taken is paid and counts on the limits, whether the rest expired before or after it."""
    status = Authorization.objects.get().status
    assert status in ("expired", "settled")
    return replace(FOR_LESS, status=status)


def asked_and_told(world: World) -> None:
    """Approved and answered; what it holds is only a message yet."""
    story.asked_at_marqeta(world)
    story.answer_of(world)
    story.tell_approved(world)


def last_cleared(cents: int) -> Callable[[Event], Event]:
    return story.cleared(cents, is_final_clearing=True)


def rest_expired(cents: int) -> Callable[[Event], Event]:
    return lambda asked: expired(asked, amount=Decimal(cents) / 100)


def expired(asked: Event, **more: Any) -> Event:
    return marqeta_events.later(asked, EXPIRY, state="CLEARED", method="pgfs.authorization.reversal", **more)


_FLOWS: dict[str, Flow] = {
    "a decision, asked again": Flow(
        story.decide, KEPT, story.asked_at_marqeta, after=story.asks_again, again=story.answer_of
    ),
    "a decision, given up": Flow(story.decide, held_if_answered, story.asked_at_marqeta, after=story.gives_up),
    "news: cleared for less": told(FOR_LESS, story.bought_at_marqeta, last_cleared(3000)),
    "news: cleared for less, and the rest expires": told(
        paid_and_over, story.bought_at_marqeta, story.cleared(3000), rest_expired(1500)
    ),
    "news: reversed": told(GIVEN_UP, story.bought_at_marqeta, story.reversed_at_marqeta),
    "news: reversed before it is held": told(GIVEN_UP, asked_and_told, story.reversed_at_marqeta),
    "news: expired": told(EXPIRED, story.bought_at_marqeta, expired),
    "captured for less, its answer lost": of_worker(
        story.until_known, FOR_LESS, last_cleared(3000), begin=story.bought_at_marqeta, arm=loses_captures_answer
    ),
    "given up at its expiry, its answer lost": of_worker(
        story.until_known, EXPIRED, expired, begin=story.bought_at_marqeta, arm=loses_cancels_answer
    ),
}
FLOWS = {f"hold at Marqeta: {name}": replace(flow, policy=HELD) for name, flow in _FLOWS.items()}
