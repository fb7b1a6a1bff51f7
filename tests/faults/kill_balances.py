"""The killed flows of purchases that the card's own balance pays, in part or alone, beside charges and beside holds.

What was put on the card counts as paid, and as a charge: so paid is what merchants have and what is on the card.
"""

from collections.abc import Callable
from dataclasses import replace

from issuing.billing import top_ups
from issuing.models import VirtualCard
from onecard.kit.money import Money
from tests.faults import kill_stories as story
from tests.faults.kill_checks import End
from tests.faults.kill_flows import HOURS, Flow, becomes, captured, told
from tests.faults.kill_holds import HELD
from tests.faults.kill_world import World, work_off
from tests.faults.kills import Death
from tests.support.sandboxes import CITI
from wallet.models import FundingMethod

PART, ALL = 2000, 4500
PAID = End("approved", paid=4500, spent=4500, charges=2)
FOR_LESS = End("settled", paid=3000, spent=3000, charges=2, refunds=1)
# Less than the balance's part: the rest of that is back on the card, and the funding card has all of its own.
FOR_LITTLE = End("settled", paid=PART, spent=1500, charges=2, refunds=1, on_card=500)
GIVEN_BACK = End("reversed", paid=PART, spent=0, charges=2, refunds=1, on_card=PART)
NOTHING = End("declined", paid=PART, spent=0, charges=None, refunds=None, on_card=PART)


def on_card(minor: int, begin: Callable[[World], object]) -> Callable[[World], None]:
    """The card has so much on its balance, and spends that first; then the story begins."""

    def before(world: World) -> None:
        VirtualCard.objects.filter(pk=world.cards["stripe"].pk).update(spends_balance=True)
        wish = top_ups.fund_card(
            card=VirtualCard.objects.get(pk=world.cards["stripe"].pk),
            amount=Money(minor, "USD"),
            source=FundingMethod.objects.get(processor_method_id=CITI),
            requested_by="user:1",
            request_key="before-it-all",
        )
        assert wish.status == "credited"
        work_off()
        begin(world)

    return before


def paid_if_answered(_world: World, death: Death) -> End:
    return PAID if death.said else NOTHING


_CHARGED: dict[str, Flow] = {
    "a decision, asked again": Flow(
        story.decide, PAID, on_card(PART, story.asked_at_stripe), after=story.asks_again, again=story.answer_of
    ),
    "a decision, given up": Flow(
        story.decide, paid_if_answered, on_card(PART, story.asked_at_stripe), after=story.gives_up
    ),
    "news: captured in part and closed": told(FOR_LESS, on_card(PART, story.paid), captured(3000), becomes("closed")),
    "news: captured for less than its part": told(
        FOR_LITTLE, on_card(PART, story.paid), captured(1500), becomes("closed")
    ),
    "news: reversed": told(GIVEN_BACK, on_card(PART, story.paid), becomes("reversed")),
    "news: captured for more than it paid alone": told(
        End("settled", paid=5400, spent=5400, charges=2), on_card(ALL, story.paid), captured(5400), becomes("closed")
    ),
    "settlement": Flow(story.settle, FOR_LESS, on_card(PART, story.closed_for_less), late=HOURS),
}
_HELD: dict[str, Flow] = {
    "settlement": Flow(story.settle, replace(FOR_LESS, refunds=0), on_card(PART, story.closed_for_less), late=HOURS),
    "news: reversed": told(replace(GIVEN_BACK, charges=1, refunds=0), on_card(PART, story.paid), becomes("reversed")),
}
FLOWS = {f"balance: {name}": flow for name, flow in _CHARGED.items()}
FLOWS |= {f"balance and hold: {name}": replace(flow, policy=HELD) for name, flow in _HELD.items()}
