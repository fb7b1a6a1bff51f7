"""What a card product pays for one kind of purchase, found once for everybody who has it at the same value of a point.

Values are whole numbers of 1e-8 minor units for each minor unit spent: a rate in hundredths, times a point's value in
ten-thousandths of a cent. So 5 % at 1 cent a point is 500 * 10 000, and all sums are exact.
"""

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from routing.value.matching import HOME, Hit, Matcher, PreparedProduct, find_hits, is_activated
from routing.value.spend import Purchase
from routing.value.terms import EVERYTHING, Bonus, Cap, Catalogue, Holding

# Kinds of purchase that are remembered of a product, before it begins anew.
MOST_KINDS: Final = 500
# Values of a point that are remembered of a product: people may have their own.
MOST_VALUES: Final = 100


class Tier(NamedTuple):
    """One rate that a purchase may earn on a card: `value` a minor unit, up to what is left of `cap`."""

    value: int
    hit: Hit | None
    cap: Cap | None
    tag: str


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """What a card pays for one kind of purchase: its tiers in the order in which they apply, and the foreign fee."""

    tiers: tuple[Tier, ...]
    fee: int
    is_excluded: bool


class PricedProduct:
    """A product whose points are worth `point` ten-thousandths of a cent; it remembers its offers.

    The same for all who hold it, so an offer depends on what is asked for in `offer`, and on nothing else of a person.
    """

    def __init__(self, prepared: PreparedProduct, point: int, *, passed_through: bool) -> None:
        self.prepared, self.point, self.passed_through = prepared, point, passed_through
        self.flat_value = prepared.base_rate * point
        self._changes = sorted(prepared.changes)
        self._offers: dict[tuple[object, ...], Offer] = {}

    def offer(self, holding: Holding, purchase: Purchase, merchant: str, day: dt.date) -> Offer:
        """Returns what it pays; `merchant` is the purchase's in lower case, and `day` its day."""
        prepared = self.prepared
        names = prepared.names
        key = (
            purchase.mcc,
            merchant if names and merchant.startswith(names) else "",
            purchase.channel,
            purchase.country == HOME,
            bisect_right(self._changes, day) if self._changes else 0,
            tuple([is_activated(each, holding, purchase.at) for each in prepared.activates])
            if prepared.activates
            else (),
            tuple([tuple(holding.choices.get(each, ())) for each in prepared.chosen]) if prepared.chosen else (),
        )
        found = self._offers.get(key)
        if found is None:
            if len(self._offers) >= MOST_KINDS:
                self._offers.clear()
            found = self._offers[key] = self._make(holding, purchase, merchant, day)
        return found

    def _make(self, holding: Holding, purchase: Purchase, merchant: str, day: dt.date) -> Offer:
        prepared = self.prepared
        fee = prepared.foreign_fee * 10_000 if purchase.country != HOME and self.passed_through else 0
        if not _is_in_force(prepared, day) or any(
            match.covers(purchase, merchant, day) for match in prepared.exclusions
        ):
            return Offer((Tier(0, None, None, ""),), fee, is_excluded=True)
        hits = find_hits(prepared, holding, purchase, merchant)
        if not self.passed_through:
            # The issuer sees our own merchant account, so only what it pays everywhere counts, and nothing is foreign.
            hits = [hit for hit in hits if covers_everything(hit.prepared.bonus)]
        return Offer(self._tiers(hits), fee, is_excluded=False)

    def _tiers(self, hits: Iterable[Hit]) -> tuple[Tier, ...]:
        """The tiers in their order: a cap appears once, and the first rate without a cap ends them."""
        tiers: list[Tier] = []
        caps: set[str] = set()
        for hit in hits:
            cap, value = hit.prepared.cap, hit.prepared.rate * self.point
            if hit.prepared.rate <= self.prepared.base_rate:
                break
            if cap is None:
                return (*tiers, Tier(value, hit, None, ""))
            if cap.key in caps:
                continue
            caps.add(cap.key)
            tiers.append(Tier(value, hit, cap, hit.tag))
            if cap.rate_after is not None:
                return (*tiers, Tier(int(cap.rate_after * 100) * self.point, None, None, ""))
        return (*tiers, Tier(self.flat_value, None, None, ""))


def price(matcher: Matcher, catalogue: Catalogue, holding: Holding) -> PricedProduct:
    """Returns the holding's product with the value that its points have for this person, or else in its programme."""
    product, cents = holding.product, holding.cents_per_point
    if cents is None:
        cents = catalogue.programmes[product.programme].cents_per_point
    prepared = matcher.prepare(product)
    key = (cents, holding.passed_through)
    found = prepared.priced.get(key)
    if found is None:
        if len(prepared.priced) >= MOST_VALUES:
            prepared.priced.clear()
        found = PricedProduct(prepared, int(cents * 10_000), passed_through=holding.passed_through)
        prepared.priced[key] = found
    return found


def covers_everything(bonus: Bonus) -> bool:
    return any(EVERYTHING in scope.categories for scope in bonus.scopes)


def _is_in_force(prepared: PreparedProduct, day: dt.date) -> bool:
    product = prepared.product
    return (product.valid_from or dt.date.min) <= day <= (product.valid_to or dt.date.max)
