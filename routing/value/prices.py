"""What the space that is left in a bucket is worth: its shadow price, as numbers that a decision only looks up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from routing.value.spend import Bucket, Purchase
from routing.value.top_category import NO_GAINS, Gains


class Paid(NamedTuple):
    """A monthly bill that is expected in a top category's period: the category, and how the bill is recognized."""

    tag: str
    mcc: str
    merchant: str


@dataclass(frozen=True, slots=True)
class Prices:
    """Made from a forecast now and then (routing/value/pricing.py); a decision uses the latest ones.

    `space` is the value of a bucket's space by how much of it is left; `tops` that of a top category's further spend,
    by the bucket of its period and the category. What is not named costs nothing and promises nothing. `paid` stands in
    for `tops` where the purchase is an expected bill: a bill that is paid now is not expected any more.
    """

    space: Mapping[Bucket, Gains] = field(default_factory=dict)
    tops: Mapping[Bucket, Mapping[str, Gains]] = field(default_factory=dict)
    paid: Mapping[Bucket, Mapping[Paid, Gains]] = field(default_factory=dict)

    def cost(self, bucket: Bucket, left: int, taken: int) -> int:
        """The value in units of the space that a purchase takes, of `left` minor units of it."""
        space = self.space.get(bucket, NO_GAINS)
        return space.upto(left) - space.upto(left - taken)

    def top(self, bucket: Bucket, tag: str, purchase: Purchase) -> Mapping[str, Gains]:
        """What further spend is worth by category, after a purchase of this category."""
        tops = self.tops.get(bucket, {})
        paid = self.paid.get(bucket)
        after = paid.get(Paid(tag, purchase.mcc, purchase.merchant)) if paid else None
        return tops if after is None else {**tops, tag: after}


NO_PRICES = Prices()
