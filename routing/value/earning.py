"""What one purchase earns on one card: split at its caps, less the foreign fee and the price of the space it takes."""

from decimal import Decimal
from typing import NamedTuple

from routing.value.offers import Offer, Tier
from routing.value.prices import Prices
from routing.value.spend import Booking, Bucket, Purchase, Spend, Tally, Used
from routing.value.terms import Bonus, Source
from routing.value.top_category import foresee
from routing.value.wallet import Card, to_minor

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
    """A card with what the purchase earns there. All but the amounts are in value units.

    `net` decides: `reward` less `fee` less `space`, the price of the scarce space in caps that the purchase takes. For
    a top category, `space` also holds what the purchase does for the rest of the period, and may be below zero.
    """

    card: Card
    offer: Offer
    amount_minor: int
    reward: int
    fee: int
    space: int
    booking: Booking
    # What the rates under caps and the rest earn; empty where the whole amount earns the offer's only rate.
    split: tuple[Part, ...] = ()
    # The categories of a top category's bonus whose prices mattered.
    weighed: tuple[str, ...] = ()

    @property
    def earned(self) -> int:
        """What is expected in money now: the reward less the foreign fee."""
        return self.reward - self.fee

    @property
    def net(self) -> int:
        return self.reward - self.fee - self.space

    @property
    def is_excluded(self) -> bool:
        return self.offer.is_excluded

    @property
    def parts(self) -> tuple[Part, ...]:
        if self.split:
            return self.split
        tier = self.offer.tiers[0]
        return (Part(_key(tier), _source(self.card, tier), self.amount_minor, tier.value),)


def earn(card: Card, offer: Offer, purchase: Purchase, spend: Spend, prices: Prices) -> Earning:
    """Values the purchase on this card, with the buckets as full as `spend` says."""
    left = amount = purchase.amount_minor
    if len(offer.tiers) == 1:
        return Earning(card, offer, amount, offer.tiers[0].value * amount, offer.fee * amount, 0, NOTHING)
    sums = _Sums(card, purchase, spend, prices)
    for tier in offer.tiers:
        left = sums.take(tier, left, offer)
        if not left:
            break
    return sums.finish(offer, amount)


class _Sums:
    """Goes down the tiers of an offer and adds up."""

    __slots__ = (
        "_buckets",
        "_card",
        "_day",
        "_parts",
        "_prices",
        "_purchase",
        "_reward",
        "_space",
        "_spend",
        "_tallies",
        "_weighed",
    )

    def __init__(self, card: Card, purchase: Purchase, spend: Spend, prices: Prices) -> None:
        self._card, self._spend, self._prices = card, spend, prices
        self._purchase, self._day = purchase, purchase.at.date()
        self._parts: list[Part] = []
        self._buckets: list[tuple[Bucket, int]] = []
        self._tallies: list[tuple[Tally, int]] = []
        self._weighed: tuple[str, ...] = ()
        self._reward = self._space = 0

    def take(self, tier: Tier, left: int, offer: Offer) -> int:
        """Lets the tier have what it may of the amount that is left, and returns the rest."""
        value, hit, cap, tag = tier
        if cap is None or hit is None:
            self._reward += value * left
            self._parts.append(Part(_key(tier), _source(self._card, tier), left, value))
            return 0
        bucket = self._card.bucket(cap, self._day)
        if tag:
            return self._take_top(tier, hit.prepared.bonus, bucket, left, value - offer.tiers[-1].value)
        used = self._spend.buckets.get(bucket)
        room = cap.limit_minor if used is None else max(0, cap.limit_minor - used.total_minor)
        taken = min(room, left)
        if taken:
            self._reward += value * taken
            self._space += self._prices.cost(bucket, room, taken)
            self._buckets.append((bucket, taken))
            self._add(tier, taken, bucket, room)
        return left - taken

    def _take_top(self, tier: Tier, bonus: Bonus, bucket: Bucket, left: int, extra: int) -> int:
        """The purchase earns the card's other rates, and changes what the top category's bonus will be.

        So its tier takes nothing here, and the difference is added: as reward if its category is expected to win.
        """
        limit = tier.cap.limit_minor if tier.cap else 0
        spent = {tag: minor for tag in bonus.top_categories if (minor := self._spent(bucket, bonus.key, tag))}
        gains = self._prices.top(bucket, tier.tag, self._purchase)
        now, then = foresee(spent, tier.tag, left, gains, limit, extra)
        self._tallies.append((Tally(bucket.card, bonus.key, bucket.starts_on, tier.tag), left))
        self._weighed = (tier.tag, now.tag, now.rival, then.tag, then.rival)
        room = max(0, limit - spent.get(tier.tag, 0))
        taken = min(room, left) if then.tag == tier.tag else 0
        if taken:
            self._add(tier, taken, bucket, room)
            self._reward += tier.value * taken
        self._space += extra * taken - (then.value - now.value)
        return left - taken

    def _spent(self, bucket: Bucket, bonus: str, tag: str) -> int:
        tallies = self._spend.tallies
        return tallies.get(Tally(bucket.card, bonus, bucket.starts_on, tag), UNUSED).total_minor if tallies else 0

    def _add(self, tier: Tier, taken: int, bucket: Bucket, room: int) -> None:
        source = _source(self._card, tier)
        self._parts.append(Part(_key(tier), source, taken, tier.value, bucket, room, room - taken))

    def finish(self, offer: Offer, amount: int) -> Earning:
        booking = Booking(tuple(self._buckets), tuple(self._tallies))
        fee, parts = offer.fee * amount, tuple(self._parts)
        return Earning(self._card, offer, amount, self._reward, fee, self._space, booking, parts, self._weighed)


def _key(tier: Tier) -> str:
    return tier.hit.prepared.bonus.key if tier.hit else ""


def _source(card: Card, tier: Tier) -> Source:
    return tier.hit.prepared.bonus.source if tier.hit else card.prepared.product.source
