"""The killed flows of an overpayment: a merchant gives back more than it took, and the rest goes to the card's balance.

The funding card gets back all that it paid, so nothing is paid in the end. A card that spends its balance uses the rest
for its next purchases. For any other card a case asks a person.
"""

from collections.abc import Callable
from dataclasses import replace

from issuing.models import VirtualCard
from tests.faults import kill_stories as story
from tests.faults.kill_checks import End
from tests.faults.kill_flows import Event, Flow, becomes, captured, refunded, told
from tests.faults.kill_holds import HELD
from tests.faults.kill_world import World, turn
from tests.support.purchases import transaction_event

SURPLUS = 500
SPENT = End("settled", paid=0, spent=4500, refunds=1, on_card=SURPLUS)
TOLD = replace(SPENT, cases=("credit_left",))
# A hold that is not captured yet is given up instead, and nothing comes from it or goes back to it.
AT_ONCE = replace(SPENT, charges=None, refunds=None)
# What the merchant takes again comes from what it gave too much, and the rest of it from the funding card.
TAKEN_AGAIN = End("settled", paid=300, spent=5300, charges=2, refunds=1)


def spending(begin: Callable[[World], object]) -> Callable[[World], None]:
    """The card spends its balance, on which there is nothing yet; then the story begins."""

    def before(world: World) -> None:
        VirtualCard.objects.filter(pk=world.cards["stripe"].pk).update(spends_balance=True)
        begin(world)

    return before


def with_a_surplus(world: World) -> None:
    story.captured(world)
    story.deliver(refunded(4500 + SURPLUS)(world.kept["asked"]))
    turn()


def captured_again(cents: int) -> Callable[[Event], Event]:
    return lambda asked: transaction_event(asked, cents, number=3)


back = refunded(4500 + SURPLUS)
_CHARGED: dict[str, Flow] = {
    "on a card that spends it": told(SPENT, spending(story.captured), back),
    "on a card that does not": told(TOLD, story.captured, back),
    "taken again, from a card that spends it": told(TAKEN_AGAIN, spending(with_a_surplus), captured_again(800)),
    "taken again, from a card that does not": told(TAKEN_AGAIN, with_a_surplus, captured_again(800)),
}
_HELD: dict[str, Flow] = {
    "with its capture, on a card that spends it": told(
        AT_ONCE, spending(story.paid), captured(4500), becomes("closed"), back
    ),
    "with its capture, on a card that does not": told(
        replace(AT_ONCE, cases=TOLD.cases), story.paid, captured(4500), becomes("closed"), back
    ),
    "taken again, from a card that spends it": told(TAKEN_AGAIN, spending(with_a_surplus), captured_again(800)),
}
FLOWS = {f"surplus: {name}": flow for name, flow in _CHARGED.items()}
FLOWS |= {f"surplus and hold: {name}": replace(flow, policy=HELD) for name, flow in _HELD.items()}
