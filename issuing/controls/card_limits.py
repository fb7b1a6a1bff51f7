"""A card's own three limits as controls of that card, set by the columns of VirtualCard.

The one of a single purchase is evaluated like every other control. The ones of a day and a month count in the card's
spend windows, which every decision locks anyway (issuing/sql/record_decision.sql).
"""

import functools
from typing import Final

from issuing.controls.definition import AMOUNT, DECLINE, PURCHASE, Action, Rule, Velocity
from issuing.controls.evaluation import ControlInForce

# No version of ours: what it counts and declines is kept with the decision itself.
OF_CARD: Final = 0
REASON: Final = "per_transaction_limit_exceeded"


@functools.lru_cache(maxsize=4096)
def purchase_limit(most_minor: int, currency: str) -> ControlInForce:
    """Returns the limit of one purchase over all its rounds, in minor units of the card's currency."""
    velocity = Velocity(AMOUNT, PURCHASE, most_minor, "card", currency=currency)
    return ControlInForce(OF_CARD, OF_CARD, REASON, REASON, "", False, Rule((), velocity, Action(DECLINE)))  # noqa: FBT003
