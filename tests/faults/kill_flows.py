"""The flows that are killed, each with its beginning, its life, what the world does next, and how it must end.

`End` says what must be true whatever step was the last. Holds on funding cards have their own flows in kill_holds.py,
and purchases that a card's balance pays in part in kill_balances.py.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from issuing.handlers import dispatch
from issuing.models import IssuerEvent
from tests.faults import kill_stories as story
from tests.faults.kill_checks import End
from tests.faults.kill_world import World
from tests.faults.kills import Death, Say
from tests.support import stripe_events
from tests.support.purchases import transaction_event, update_event

Event = dict[str, Any]
# What is closed can be settled after a while, and a reconciliation leaves alone what happened just now. With all that a
# restarted system lives through it is less than a hold's life: none is captured or given up by its age alone.
HOURS = dt.timedelta(hours=2)
PAID = End("approved", paid=4500, spent=4500)
GIVEN_BACK = End("reversed", paid=0, spent=0, refunds=1)
SETTLED = End("settled", paid=4500, spent=4500)
FOR_LESS = End("settled", paid=3000, spent=3000, refunds=1)
NOTHING = End("declined", paid=0, spent=0, charges=None, refunds=None)


def _nothing(*_: object) -> None:
    """Nobody does anything."""


@dataclass(frozen=True)
class Flow:
    """`before` happens once, `arm` before each life, `act` is the life, `after` is what the world does next.

    `again` is what comes a second time when all is over, and changes nothing. The life begins `late` after `before`.
    """

    act: Callable[[World, Say], object]
    end: End | Callable[[World, Death], End]
    before: Callable[[World], object] = _nothing
    arm: Callable[[World], object] = _nothing
    after: Callable[[World, Death], object] = _nothing
    again: Callable[[World], object] = _nothing
    late: dt.timedelta = dt.timedelta(0)
    policy: str = "charge_now"

    def end_of(self, world: World, death: Death) -> End:
        return self.end if isinstance(self.end, End) else self.end(world, death)


@dataclass(frozen=True)
class News:
    """A process takes each delivery and works on it; what was not acknowledged is sent again, and later all of it."""

    begin: Callable[[World], None]
    make: tuple[Callable[[Event], Event], ...]

    def before(self, world: World) -> None:
        self.begin(world)
        world.kept["told"] = [each(world.kept["asked"]) for each in self.make]

    def act(self, world: World, say: Say) -> None:
        for event in world.kept["told"]:
            self.send(event)
            say(b"acknowledged")
            for pk in IssuerEvent.objects.filter(status="received").values_list("pk", flat=True):
                dispatch.handle(event_pk=pk)

    def after(self, world: World, death: Death) -> None:
        for event in world.kept["told"][len(death.said) :]:
            self.send(event)

    def again(self, world: World) -> None:
        for event in world.kept["told"]:
            self.send(event)

    def send(self, event: Event) -> None:
        assert story.deliver(event).status_code == 200


def told(
    end: End | Callable[[World, Death], End], begin: Callable[[World], None], *make: Callable[[Event], Event]
) -> Flow:
    it = News(begin, make)
    return Flow(it.act, end, it.before, after=it.after, again=it.again)


def paid_if_answered(_world: World, death: Death) -> End:
    return PAID if death.said else NOTHING


def created(asked: Event) -> Event:
    return stripe_events.authorization_update(asked)


def captured(cents: int) -> Callable[[Event], Event]:
    return lambda asked: transaction_event(asked, cents)


def refunded(cents: int) -> Callable[[Event], Event]:
    return lambda asked: transaction_event(asked, cents, kind="refund", number=2)


def becomes(status: str) -> Callable[[Event], Event]:
    return lambda asked: update_event(asked, status)


declines = story.misbehave("decline", decline_code="insufficient_funds")
declines_all = story.misbehave("decline", decline_code="insufficient_funds", times=None)
loses_answer = story.misbehave("drop_answer")
loses_refunds_answer = story.misbehave("drop_answer", story.REFUNDS)
is_busy = story.misbehave("rate_limit")
says_stolen = story.misbehave("decline", decline_code="stolen_card")

FLOWS: dict[str, Flow] = {
    "a decision, asked again": Flow(
        story.decide, PAID, story.asked_at_stripe, after=story.asks_again, again=story.answer_of
    ),
    "a decision, given up": Flow(story.decide, paid_if_answered, story.asked_at_stripe, after=story.gives_up),
    "a decision at Marqeta, asked again": Flow(
        story.decide, PAID, story.asked_at_marqeta, after=story.asks_again, again=story.answer_of
    ),
    "a decision at Marqeta, given up": Flow(
        story.decide, paid_if_answered, story.asked_at_marqeta, after=story.gives_up
    ),
    "news: created": told(PAID, story.bought, created),
    "news: captured and closed": told(SETTLED, story.paid, captured(4500), becomes("closed")),
    "news: captured in part and closed": told(FOR_LESS, story.paid, captured(3000), becomes("closed")),
    "news: captured for more": told(
        End("settled", paid=5400, spent=5400, charges=2), story.paid, captured(5400), becomes("closed")
    ),
    "news: reversed": told(GIVEN_BACK, story.paid, becomes("reversed")),
    "news: reversed before the charge": told(
        End("reversed", paid=0, spent=0, charges=None, refunds=None), story.bought, becomes("reversed")
    ),
    "news: expired": told(End("expired", paid=0, spent=0, refunds=1), story.paid, becomes("expired")),
    "news: refunded": told(End("settled", paid=3800, spent=4500, refunds=1), story.captured, refunded(700)),
    "news at Marqeta: cleared": told(SETTLED, story.bought_at_marqeta, story.cleared(4500)),
    "news at Marqeta: reversed": told(GIVEN_BACK, story.bought_at_marqeta, story.reversed_at_marqeta),
    "charge": Flow(story.queue, PAID, story.bought),
    "charge, its answer lost": Flow(story.until_known, PAID, story.bought, loses_answer),
    "charge, the processor refuses for a while": Flow(story.until_known, PAID, story.bought, is_busy),
    "cascade to the next card": Flow(story.queue, PAID, story.bought, declines),
    "cascade to the receivable": Flow(story.queue, story.card_is_frozen, story.bought, declines_all),
    "refund": Flow(story.queue, GIVEN_BACK, story.to_be_given_back),
    "refund, its answer lost": Flow(story.until_known, GIVEN_BACK, story.to_be_given_back, loses_refunds_answer),
    "settlement": Flow(story.settle, FOR_LESS, story.closed_for_less, late=HOURS),
    "relay to the broker": Flow(story.publish_for_real, PAID, story.bought, after=story.broker_keeps_or_loses),
    "rewards": Flow(story.book_rewards, PAID, story.charged),
    "money onto a card": Flow(story.fund, story.funded, after=story.asks_for_funding_again),
    "money onto a card, declined": Flow(
        story.fund, story.not_funded, arm=says_stolen, after=story.asks_for_funding_again
    ),
    "reconciliation of both sides": Flow(story.repair, PAID, story.books_differ, after=story.repairs_again, late=HOURS),
    "reconciliation of the ledger": Flow(
        story.repair, SETTLED, story.ledger_differs, after=story.repairs_again, late=HOURS
    ),
}
