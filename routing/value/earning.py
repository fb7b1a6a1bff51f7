"""What one purchase earns on one card: split at its caps, less the foreign fee and the price of the space it takes."""

from decimal import Decimal
from typing import NamedTuple

from routing.value.prices import Prices
from routing.value.spend import Booking, Bucket, Purchase, Spend, Tally, Used
from routing.value.terms import Bonus, Source
from routing.value.top_category import foresee
from routing.value.wallet import Card, Offer, Tier, to_minor

UNUSED = Used()
NOTHING = Booking()


class Part(NamedTuple):
    """The share of a purchase that earns one rate. `bonus` is "" for the base rate, or the rate after a cap."""

    bonus: str
    source: Source
    amount_minor: int
    value: int
    bucket: Bucket | None = None
    left_before_minor: int = 0
    left_after_minor: int = 0

    @property
    def rate_value_minor(self) -> Decimal:
        return to_minor(self.value)


class Earning(NamedTuple):
    """A card with what the purchase earns there. All but the parts' amounts are in value units.

    `net` decides: `reward` less `fee` less `space`, the price of the scarce space in caps that the purchase takes. For
    a top category, `space` also holds what the purchase does for the rest of the period, and may be below zero.
    """

    card: Card
    parts: tuple[Part, ...]
    reward: int
    fee: int
    space: int
    booking: Booking
    is_excluded: bool = False

    @property
    def earned(self) -> int:
        """What is expected in money now: the reward less the foreign fee."""
        return self.reward - self.fee

    @property
    def net(self) -> int:
        return self.reward - self.fee - self.space


def earn(card: Card, offer: Offer, purchase: Purchase, spend: Spend, prices: Prices) -> Earning:
    """Values the purchase on this card, with the buckets as full as `spend` says."""
    left = purchase.amount_minor
    fee = offer.fee * left
    if len(offer.tiers) == 1:
        tier = offer.tiers[0]
        part = Part(_key(tier), _source(card, tier), left, tier.value)
        return Earning(card, (part,), tier.value * left, fee, 0, NOTHING, offer.is_excluded)
    sums = _Sums(card, purchase, spend, prices)
    for tier in offer.tiers:
        left = sums.take(tier, left, offer)
        if not left:
            break
    return sums.finish(fee)


class _Sums:
    """Goes down the tiers of an offer and adds up."""

    def __init__(self, card: Card, purchase: Purchase, spend: Spend, prices: Prices) -> None:
        self._card, self._purchase, self._spend, self._prices = card, purchase, spend, prices
        self._day = purchase.at.date()
        self._parts: list[Part] = []
        self._buckets: list[tuple[Bucket, int]] = []
        self._tallies: list[tuple[Tally, int]] = []
        self._reward = self._space = 0

    def take(self, tier: Tier, left: int, offer: Offer) -> int:
        """Lets the tier have what it may of the amount that is left, and returns the rest."""
        if tier.cap is None or tier.hit is None:
            self._reward += tier.value * left
            self._parts.append(Part(_key(tier), _source(self._card, tier), left, tier.value))
            return 0
        bucket = self._card.bucket(tier.cap, self._day)
        if tier.tag:
            return self._take_top(tier, tier.hit.prepared.bonus, bucket, left, tier.value - offer.tiers[-1].value)
        room = max(0, tier.cap.limit_minor - self._spend.buckets.get(bucket, UNUSED).total_minor)
        taken = min(room, left)
        if taken:
            self._reward += tier.value * taken
            self._space += self._prices.cost(bucket, room, taken)
            self._buckets.append((bucket, taken))
            self._add(tier, taken, bucket, room)
        return left - taken

    def _take_top(self, tier: Tier, bonus: Bonus, bucket: Bucket, left: int, extra: int) -> int:
        """The purchase earns the card's other rates, and changes what the top category's bonus will be.

        So its tier takes nothing here, and the difference is added: as reward if its category is expected to win.
        """
        limit = tier.cap.limit_minor if tier.cap else 0
        before = {tag: spent for tag in bonus.top_categories if (spent := self._spent(bucket, bonus.key, tag))}
        mine = before.get(tier.tag, 0)
        after = before | {tier.tag: mine + left}
        gains = self._prices.tops.get(bucket, {})
        outlook = foresee(after, gains, limit, extra)
        change = outlook.value - foresee(before, gains, limit, extra).value
        self._tallies.append((Tally(bucket.card, bonus.key, bucket.starts_on, tier.tag), left))
        room = max(0, limit - mine)
        taken = min(room, left) if outlook.tag == tier.tag else 0
        if taken:
            self._add(tier, taken, bucket, room)
            self._reward += tier.value * taken
        self._space += extra * taken - change
        return left - taken

    def _spent(self, bucket: Bucket, bonus: str, tag: str) -> int:
        return self._spend.tallies.get(Tally(bucket.card, bonus, bucket.starts_on, tag), UNUSED).total_minor

    def _add(self, tier: Tier, taken: int, bucket: Bucket, room: int) -> None:
        source = _source(self._card, tier)
        self._parts.append(Part(_key(tier), source, taken, tier.value, bucket, room, room - taken))

    def finish(self, fee: int) -> Earning:
        booking = Booking(tuple(self._buckets), tuple(self._tallies))
        return Earning(self._card, tuple(self._parts), self._reward, fee, self._space, booking)


def _key(tier: Tier) -> str:
    return tier.hit.prepared.bonus.key if tier.hit else ""


def _source(card: Card, tier: Tier) -> Source:
    return tier.hit.prepared.bonus.source if tier.hit else card.prepared.product.source
