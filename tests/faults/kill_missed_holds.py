"""The killed flows of `reconcile --fix` under hold_then_capture: what became of a hold, and nobody told us.

In a life that nobody kills it is the reconciliation that finds it out, before anything that comes by the clock does.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

from audit.models import Entry
from issuing.authorizations import close_out
from issuing.models import CardTransaction
from tests.faults import kill_stories as story
from tests.faults.kill_checks import End
from tests.faults.kill_flows import HOURS, SETTLED, Event, Flow, becomes, captured
from tests.faults.kill_holds import (
    FOR_LESS,
    GIVEN_UP,
    HELD,
    KEPT,
    bank_lets_it_go,
    deliver_events,
    loses_cancels_answer,
    loses_captures_answer,
)
from tests.faults.kill_world import World, set_clock, work_off
from tests.faults.kills import Death
from wallet.models import FundingCharge

LATE = 2 * HOURS
# When what is closed without a capture is settled (issuing/authorizations/close_out.py), and two hours after that.
GIVES_UP = dt.timedelta(hours=25)
LATER = GIVES_UP + HOURS
# It is paid, by a second charge; what a settlement has given back on the limits stays given back.
# Nothing is held any more, and what was taken late counts on the limits all the same.
TOO_LATE = SETTLED


def missed(begin: Callable[[World], object], end: End, *, late: dt.timedelta = LATE) -> Flow:
    """Whoever ran the command runs it again."""

    def found_out(_world: World, death: Death) -> End:
        assert death.was_killed or Entry.objects.filter(action="reconcile.repaired").exists()
        return end

    return Flow(story.repair, found_out, begin, after=story.repairs_again, late=late)


def the_hold(world: World) -> None:
    story.misbehave("drop_answer")(world)
    story.bought(world)
    work_off()
    assert FundingCharge.objects.get().status == "unknown"


def its_end_at_the_bank(world: World) -> None:
    story.paid(world)
    bank_lets_it_go(world)
    assert FundingCharge.objects.get().status == "held"


def the_merchants_capture(world: World) -> None:
    """Its issuer has it in the list, and said only that the purchase is closed."""
    story.paid(world)
    story.captured_unheard(world)
    deliver_events(becomes("closed")(world.kept["asked"]))
    assert (FundingCharge.objects.get().status, CardTransaction.objects.count()) == ("held", 0)


def a_capture_after_the_hold_was_given_up(world: World) -> None:
    the_merchants_capture(world)
    set_clock(GIVES_UP)
    close_out.sweep()
    work_off()
    assert FundingCharge.objects.get().status == "canceled"


def our_own_capture(world: World) -> None:
    worked_off_without_an_answer(world, captured(3000), becomes("closed"), arm=loses_captures_answer)
    assert FundingCharge.objects.get().status == "capturing"


def our_giving_up(world: World) -> None:
    worked_off_without_an_answer(world, becomes("reversed"), arm=loses_cancels_answer)
    assert FundingCharge.objects.get().status == "held"


def worked_off_without_an_answer(world: World, *news: Callable[[Event], Event], arm: Callable[[World], object]) -> None:
    story.paid(world)
    deliver_events(*(each(world.kept["asked"]) for each in news))
    set_clock(HOURS)
    close_out.sweep()
    arm(world)
    work_off()


_FLOWS: dict[str, Flow] = {
    "the hold": missed(the_hold, KEPT),
    "its end at the bank": missed(its_end_at_the_bank, KEPT),
    "the merchant's capture": missed(the_merchants_capture, SETTLED),
    "the merchant's capture after the hold was given up": missed(
        a_capture_after_the_hold_was_given_up, TOO_LATE, late=LATER
    ),
    "our own capture": missed(our_own_capture, FOR_LESS),
    "our giving up": missed(our_giving_up, GIVEN_UP),
}
FLOWS = {f"hold, missed: {name}": replace(flow, policy=HELD) for name, flow in _FLOWS.items()}
