"""A person's cards: what each pays for a purchase (routing/value/offers.py), and the periods of its caps."""

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from routing.value.matching import HOME, Matcher, PreparedProduct
from routing.value.offers import Offer, PricedProduct, covers_everything, price
from routing.value.periods import period_of
from routing.value.spend import Bucket, Purchase
from routing.value.terms import Cap, Catalogue, Holding

# Value units in one minor unit.
UNITS = 10**8
# Kinds of purchase on one day that a wallet remembers, before it begins anew.
MOST_REMEMBERED = 5_000


class Card(NamedTuple):
    """A holding with its product, priced with the value of a point in ten-thousandths of a cent."""

    holding: Holding
    priced: PricedProduct

    @property
    def prepared(self) -> PreparedProduct:
        return self.priced.prepared

    @property
    def point(self) -> int:
        return self.priced.point

    @property
    def flat_value(self) -> int:
        return self.priced.flat_value

    def bucket(self, cap: Cap, day: dt.date) -> Bucket:
        first, _ = self.period(cap, day)
        return Bucket(self.holding.card, cap.key, first)

    def period(self, cap: Cap, day: dt.date) -> tuple[dt.date, dt.date]:
        return period_of(cap.period, day, self.holding.statement_day, self.holding.opened_on)


class Wallet:
    """The cards of one person. It remembers their offers by kind of purchase and day, so keep a wallet."""

    def __init__(self, matcher: Matcher, catalogue: Catalogue, holdings: Sequence[Holding]) -> None:
        self.hold(Card(each, price(matcher, catalogue, each)) for each in holdings)

    @classmethod
    def of(cls, cards: Iterable[Card]) -> "Wallet":
        """Returns the wallet of cards that are priced already."""
        wallet = cls.__new__(cls)
        wallet.hold(cards)
        return wallet

    def hold(self, cards: Iterable[Card]) -> None:
        """Puts these cards into the wallet, in the place of all others."""
        self.cards = tuple(cards)
        self._asked: Purchase | None = None
        self._answered: tuple[Offer, ...] = ()
        self._offers: dict[tuple[object, ...], tuple[Offer, ...]] = {}

    def offers(self, purchase: Purchase) -> tuple[Offer, ...]:
        """Returns each card's offer, in the order of the cards."""
        if purchase is not self._asked:
            self._asked, self._answered = purchase, self._remembered(purchase)
        return self._answered

    def _remembered(self, purchase: Purchase) -> tuple[Offer, ...]:
        day = purchase.at.date()
        key = (purchase.mcc, purchase.merchant, purchase.channel, purchase.country == HOME, day)
        found = self._offers.get(key)
        if found is None:
            merchant = purchase.merchant.casefold()
            found = tuple([card.priced.offer(card.holding, purchase, merchant, day) for card in self.cards])
            # On the day of an activation they depend on the time of the day.
            if not any(_is_activated_on(day, card.holding) for card in self.cards if card.holding.activations):
                if len(self._offers) >= MOST_REMEMBERED:
                    self._offers.clear()
                self._offers[key] = found
        return found

    def may_earn_under_caps(self) -> bool:
        """Whether any space could be scarce: a card has a cap, and its issuer sees what a bonus under it depends on."""
        return any(
            bonus.cap is not None and (card.holding.passed_through or covers_everything(bonus.bonus))
            for card in self.cards
            for bonus in card.prepared.bonuses
        )


def _is_activated_on(day: dt.date, holding: Holding) -> bool:
    return any(at is not None and at.date() == day for at in holding.activations.values())


def to_minor(units: int) -> Decimal:
    """Turns value units into minor units, exactly."""
    return Decimal(units).scaleb(-8)
