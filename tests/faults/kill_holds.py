"""The killed flows of hold_then_capture: holding, capturing what merchants took, giving up what they never will take.

What is captured is what is paid, and nothing is given back but what merchants gave back after the capture.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

from audit.models import Entry
from issuing.authorizations import close_out
from issuing.handlers import dispatch
from issuing.models import IssuerEvent
from tests.faults import kill_stories as story
from tests.faults.kill_checks import End
from tests.faults.kill_flows import (
    HOURS,
    SETTLED,
    Event,
    Flow,
    becomes,
    captured,
    declines,
    loses_answer,
    refunded,
    told,
)
from tests.faults.kill_world import World, pass_time, set_clock, turn, work_off
from tests.faults.kills import Death, Say
from wallet.charges import charge as charges
from wallet.charges import outcomes
from wallet.models import FundingCharge, FundingRefund
from wallet.processors.stripe.client import stripe_client
from wallet.states import Policy

HELD = Policy.HOLD_THEN_CAPTURE.value
CAPTURE, CANCEL = f"{story.INTENTS}/*/capture", f"{story.INTENTS}/*/cancel"
KEPT = End("approved", paid=0, spent=4500, charges=0, held=4500)
FOR_LESS = End("settled", paid=3000, spent=3000)
FOR_MORE = End("settled", paid=5400, spent=5400, charges=2)
GIVEN_UP = End("reversed", paid=0, spent=0, charges=0)
REFUNDED = End("settled", paid=3800, spent=4500, refunds=1)


def of_worker(
    act: Callable[[World, Say], object],
    end: End,
    *news: Callable[[Event], Event],
    begin: Callable[[World], object] = story.paid,
    arm: Callable[[World], object] = lambda _world: None,
    then: Callable[[World], object] = lambda _world: None,
) -> Flow:
    """A life that begins with an amount held, this news worked on, and hours gone by, so that a worker is asked for."""

    def before(world: World) -> None:
        begin(world)
        deliver_events(*(each(world.kept["asked"]) for each in news))
        set_clock(HOURS)
        close_out.sweep()
        assert FundingCharge.objects.filter(status="held").count() == 1
        then(world)

    return Flow(act, end, before, arm, late=HOURS)


def deliver_events(*told_us: Event) -> None:
    for event in told_us:
        assert story.deliver(event).status_code == 200
        for pk in IssuerEvent.objects.filter(status="received").values_list("pk", flat=True):
            dispatch.handle(event_pk=pk)


def bank_lets_it_go(_world: World) -> None:
    held = FundingCharge.objects.get(status="held").processor_charge_id
    assert stripe_client().v1.payment_intents.cancel(held or "").status == "canceled"


def to_be_refunded(world: World) -> None:
    story.captured(world)
    deliver_events(refunded(700)(world.kept["asked"]))
    assert FundingRefund.objects.get().status == "intended"


def until_another_key(_world: World, _say: Say) -> None:
    """The key's stored answer is an error for ever; when that is long enough ago, the worker takes a new key."""
    work_off()
    for minutes in (2, 6, 6):
        pass_time(dt.timedelta(minutes=minutes))
        turn()


def kept_by_another_key(_world: World, _death: Death) -> End:
    assert Entry.objects.filter(action="charge.rekeyed").count() == 1
    return KEPT


def look_at_holds(_world: World, _say: Say) -> None:
    charges.sweep()


stores_error = story.misbehave("error_500")
loses_captures_answer, stores_captures_error = (story.misbehave(do, CAPTURE) for do in ("drop_answer", "error_500"))
loses_cancels_answer = story.misbehave("drop_answer", CANCEL)

_FLOWS: dict[str, Flow] = {
    "a decision, asked again": Flow(
        story.decide, KEPT, story.asked_at_stripe, after=story.asks_again, again=story.answer_of
    ),
    "held": Flow(story.queue, KEPT, story.bought),
    "held, its answer lost": Flow(story.until_known, KEPT, story.bought, loses_answer),
    "held, an error stored for its key": Flow(until_another_key, kept_by_another_key, story.bought, stores_error),
    "held on the next card": Flow(story.queue, KEPT, story.bought, declines),
    "news: captured in part and closed": told(FOR_LESS, story.paid, captured(3000), becomes("closed")),
    "news: captured for more": told(FOR_MORE, story.paid, captured(5400), becomes("closed")),
    "news: reversed": told(GIVEN_UP, story.paid, becomes("reversed")),
    "news: reversed before it is held": told(GIVEN_UP, story.bought, becomes("reversed")),
    "news: expired": told(replace(GIVEN_UP, status="expired"), story.paid, becomes("expired")),
    "news: refunded": told(REFUNDED, story.captured, refunded(700)),
    "settlement": Flow(story.settle, FOR_LESS, story.closed_for_less, late=HOURS),
    "captured, its answer lost": of_worker(
        story.until_known, FOR_LESS, captured(3000), becomes("closed"), arm=loses_captures_answer
    ),
    "captured, an error stored for its key": of_worker(
        story.until_known, FOR_LESS, captured(3000), becomes("closed"), arm=stores_captures_error
    ),
    "captured whole, and a second charge": of_worker(story.queue, FOR_MORE, captured(5400), becomes("closed")),
    "captured before its bank lets it go": Flow(
        look_at_holds,
        replace(SETTLED, status="approved"),
        story.paid,
        late=outcomes.HOLD_LIFE + dt.timedelta(minutes=1),
    ),
    "let go by its bank": of_worker(
        story.until_known, SETTLED, captured(4500), becomes("closed"), then=bank_lets_it_go
    ),
    "given up": of_worker(story.queue, GIVEN_UP, becomes("reversed")),
    "given up, its answer lost": of_worker(story.until_known, GIVEN_UP, becomes("reversed"), arm=loses_cancels_answer),
    "refunded after the capture": Flow(story.queue, REFUNDED, to_be_refunded),
}
FLOWS = {f"hold: {name}": replace(flow, policy=HELD) for name, flow in _FLOWS.items()}
