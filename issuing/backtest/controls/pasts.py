"""What cards did before each purchase of a replay, for controls that look at it; kept for one run of a worker.

A card's past is built from its stored decisions when the replay meets it first, and then goes on with the replay: a
purchase that the control would have declined counts as declined from there on.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from issuing.authorizations import past
from issuing.backtest.controls.purchases import StoredPurchase, before
from issuing.controls.attributes import Attributes
from issuing.history.card_history import NO_HISTORY, History

# A card's past is made of its newest decisions; more than these are read of none.
MOST_READ: Final = 1000


@dataclass(slots=True)
class Pasts:
    """The pasts of the cards met so far. `declined` are decisions that the control declined in an earlier run."""

    declined: Collection[int] = ()
    known: dict[int, History] = field(default_factory=dict)

    def with_past(self, purchase: StoredPurchase) -> Attributes:
        """Returns the attributes of a purchase with its card's past."""
        found = self.known.get(purchase.attributes.card_id)
        if found is None:
            found = NO_HISTORY
            for each in before(purchase, most=MOST_READ):
                found = _after(found, each, is_approved=each.approved and each.decision_id not in self.declined)
            self.known[purchase.attributes.card_id] = found
        history = past.of(purchase.asked, found, currency=purchase.card_currency, now=purchase.decided_at)
        return purchase.attributes._replace(**history._asdict())

    def add(self, purchase: StoredPurchase, *, is_approved: bool) -> None:
        """Adds a purchase that was judged."""
        card_id = purchase.attributes.card_id
        self.known[card_id] = _after(self.known.get(card_id, NO_HISTORY), purchase, is_approved=is_approved)


def _after(known: History, purchase: StoredPurchase, *, is_approved: bool) -> History:
    minor = purchase.attributes.purchase_minor
    counted = minor if purchase.attributes.billing_currency == purchase.card_currency else None
    return known.after(
        purchase.asked, is_approved=is_approved, amount_minor=minor, counted_minor=counted, at=purchase.decided_at
    )
