"""What the space that is left in a bucket is worth: its shadow price, as numbers that a decision only looks up."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from routing.value.spend import Bucket
from routing.value.top_category import NO_GAINS, Gains


@dataclass(frozen=True, slots=True)
class Prices:
    """Made from a forecast now and then (routing/value/pricing.py); a decision uses the latest ones.

    `space` is the value of a bucket's space by how much of it is left; `tops` that of a top category's further spend,
    by the bucket of its period and the category. What is not named costs nothing and promises nothing.
    """

    space: Mapping[Bucket, Gains] = field(default_factory=dict)
    tops: Mapping[Bucket, Mapping[str, Gains]] = field(default_factory=dict)

    def cost(self, bucket: Bucket, left: int, taken: int) -> int:
        """The value in units of the space that a purchase takes, of `left` minor units of it."""
        space = self.space.get(bucket, NO_GAINS)
        return space.upto(left) - space.upto(left - taken)


NO_PRICES = Prices()
