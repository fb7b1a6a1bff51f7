"""A person's cards, prepared: for each kind of purchase the rates that each card pays, highest first.

Values are whole numbers of 1e-8 minor units for each minor unit spent: a rate in hundredths, times a point's value in
ten-thousandths of a cent. So 5 % at 1 cent a point is 500 * 10 000, and all sums are exact.
"""

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from routing.value.matching import HOME, Hit, Matcher, PreparedProduct, find_hits
from routing.value.periods import period_of
from routing.value.spend import Bucket, Purchase
from routing.value.terms import EVERYTHING, Bonus, Cap, Catalogue, Holding

# Value units in one minor unit.
UNITS = 10**8


class Tier(NamedTuple):
    """One rate that a purchase may earn on a card: `value` a minor unit, up to what is left of `cap`."""

    value: int
    hit: Hit | None
    cap: Cap | None
    tag: str


class Offer(NamedTuple):
    """What a card pays for one kind of purchase: its tiers in the order in which they apply, and the foreign fee."""

    tiers: tuple[Tier, ...]
    fee: int
    is_excluded: bool


class Card(NamedTuple):
    """A holding with its product prepared and the value of a point in ten-thousandths of a cent."""

    holding: Holding
    prepared: PreparedProduct
    point: int

    @property
    def flat_value(self) -> int:
        return self.prepared.base_rate * self.point

    def bucket(self, cap: Cap, day: dt.date) -> Bucket:
        first, _ = self.period(cap, day)
        return Bucket(self.holding.card, cap.key, first)

    def period(self, cap: Cap, day: dt.date) -> tuple[dt.date, dt.date]:
        return period_of(cap.period, day, self.holding.statement_day, self.holding.opened_on)


class Wallet:
    """The cards of one person under one catalogue. Offers are remembered by kind of purchase, so keep a wallet."""

    def __init__(self, matcher: Matcher, catalogue: Catalogue, holdings: Sequence[Holding]) -> None:
        self.cards = tuple(_card(matcher, catalogue, holding) for holding in holdings)
        # A decision asks for one day, so changes are only looked for when a second one comes.
        self._changes: list[dt.date] | None = None
        self._only_day: dt.date | None = None
        self._offers: dict[tuple[object, ...], tuple[Offer, ...]] = {}

    def offers(self, purchase: Purchase) -> tuple[Offer, ...]:
        """Returns each card's offer, in the order of the cards."""
        day = purchase.at.date()
        key = (purchase.mcc, purchase.merchant, purchase.channel, purchase.country == HOME, self._terms_on(day))
        found = self._offers.get(key)
        if found is None:
            merchant = purchase.merchant.casefold()
            found = tuple(_offer(card, purchase, merchant) for card in self.cards)
            if not self._depends_on_time_of_day(day):
                self._offers[key] = found
        return found

    def may_earn_under_caps(self) -> bool:
        """Whether any space could be scarce: a card has a cap, and its issuer sees what a bonus under it depends on."""
        return any(
            bonus.cap is not None and (card.holding.passed_through or _covers_everything(bonus.bonus))
            for card in self.cards
            for bonus in card.prepared.bonuses
        )

    def _terms_on(self, day: dt.date) -> int:
        """Numbers the days between two changes of terms, so that each such span has its own offers."""
        if self._changes is None:
            if self._only_day in (None, day):
                self._only_day = day
                return -1
            self._changes = _days_of_change(self.cards)
        return bisect_right(self._changes, day)

    def _depends_on_time_of_day(self, day: dt.date) -> bool:
        moments = (at for card in self.cards for at in card.holding.activations.values() if at is not None)
        return any(at.date() == day for at in moments)


def _card(matcher: Matcher, catalogue: Catalogue, holding: Holding) -> Card:
    cents = holding.cents_per_point
    if cents is None:
        cents = catalogue.programmes[holding.product.programme].cents_per_point
    return Card(holding, matcher.prepare(holding.product), int(cents * 10_000))


def _offer(card: Card, purchase: Purchase, merchant: str) -> Offer:
    holding, prepared = card.holding, card.prepared
    day = purchase.at.date()
    if not _is_in_force(prepared, day) or any(match.covers(purchase, merchant, day) for match in prepared.exclusions):
        return Offer((Tier(0, None, None, ""),), _fee(card, purchase), is_excluded=True)
    hits = find_hits(prepared, holding, purchase, merchant)
    if not holding.passed_through:
        # The issuer sees our own merchant account, so only what it pays everywhere counts, and nothing is foreign.
        hits = [hit for hit in hits if _covers_everything(hit.prepared.bonus)]
    return Offer(_tiers(card, hits), _fee(card, purchase), is_excluded=False)


def _covers_everything(bonus: Bonus) -> bool:
    return any(EVERYTHING in scope.categories for scope in bonus.scopes)


def _tiers(card: Card, hits: Iterable[Hit]) -> tuple[Tier, ...]:
    """The tiers in their order: a cap appears once, and the first rate without a cap ends them."""
    tiers: list[Tier] = []
    caps: set[str] = set()
    for hit in hits:
        cap = hit.prepared.cap
        value = hit.prepared.rate * card.point
        if hit.prepared.rate <= card.prepared.base_rate:
            break
        if cap is None:
            return (*tiers, Tier(value, hit, None, ""))
        if cap.key in caps:
            continue
        caps.add(cap.key)
        tiers.append(Tier(value, hit, cap, hit.tag))
        if cap.rate_after is not None:
            return (*tiers, Tier(int(cap.rate_after * 100) * card.point, None, None, ""))
    return (*tiers, Tier(card.flat_value, None, None, ""))


def _is_in_force(prepared: PreparedProduct, day: dt.date) -> bool:
    product = prepared.product
    return (product.valid_from or dt.date.min) <= day <= (product.valid_to or dt.date.max)


def _fee(card: Card, purchase: Purchase) -> int:
    if purchase.country == HOME or not card.holding.passed_through:
        return 0
    return card.prepared.foreign_fee * 10_000


def _days_of_change(cards: Iterable[Card]) -> list[dt.date]:
    days: set[dt.date] = set()
    for card in cards:
        days |= card.prepared.changes
        if card.holding.activations:
            days |= _quarters_of_activations(card)
    return sorted(days)


def _quarters_of_activations(card: Card) -> set[dt.date]:
    """Days on which an activation starts or stops to count."""
    days: set[dt.date] = set()
    for quarter, activated_at in card.holding.activations.items():
        year, number = int(quarter[:4]), int(quarter[5:])
        days.add(dt.date(year, number * 3 - 2, 1))
        days.add(dt.date(year + number // 4, number % 4 * 3 + 1, 1))
        if activated_at is not None:
            days |= {activated_at.date(), activated_at.date() + dt.timedelta(days=1)}
    return days


def to_minor(units: int) -> Decimal:
    """Turns value units into minor units, exactly."""
    return Decimal(units).scaleb(-8)
