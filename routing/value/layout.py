"""For which kinds of purchase the caps of a wallet matter, and what each card pays for them under its caps.

It depends on the terms alone, so it is remembered for each stretch of days on which the same terms hold.
"""

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from routing.value.forecast import KindKey, example_of
from routing.value.offers import Tier
from routing.value.periods import quarter_of
from routing.value.wallet import Card, Wallet

MOST_STRETCHES: Final = 100


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Where a purchase may go: `free` is the most that it earns without scarce space, `rates` what needs some.

    A rate is a value for each minor unit less the foreign fee, the card, its tier, and what the tier pays beyond the
    card's last one. Kinds of purchase with the same rates have the same placement.
    """

    free: int
    rates: tuple[tuple[int, Card, Tier, int], ...]


class Layout:
    """The placements of one wallet's purchases. Keep it as long as the wallet."""

    def __init__(self, wallet: Wallet) -> None:
        self._wallet = wallet
        self._edges = sorted(set(_edges(wallet.cards)))
        self._stretches: dict[tuple[int, str], dict[KindKey, Placement | None]] = {}
        self._known: dict[object, Placement] = {}

    def on(self, day: dt.date, keys: Iterable[KindKey]) -> Iterator[tuple[KindKey, Placement]]:
        """Yields the kinds for which caps matter on a day, in their order."""
        found = self._placements_on(day)
        for key in keys:
            if key not in found:
                found[key] = self._place(key, day)
            placement = found[key]
            if placement is not None:
                yield key, placement

    def _placements_on(self, day: dt.date) -> dict[KindKey, Placement | None]:
        if len(self._stretches) > MOST_STRETCHES:
            self._stretches.clear()
        return self._stretches.setdefault((bisect_right(self._edges, day), quarter_of(day)), {})

    def _place(self, key: KindKey, day: dt.date) -> Placement | None:
        offers = self._wallet.offers(example_of(key, day))
        free = max(offer.tiers[-1].value - offer.fee for offer in offers)
        rates = tuple(
            (tier.value - offer.fee, card, tier, tier.value - offer.tiers[-1].value)
            for card, offer in zip(self._wallet.cards, offers, strict=True)
            for tier in offer.tiers[:-1]
            if tier.value - offer.fee > free
        )
        if not rates:
            return None
        same = (free, *((value, card.holding.card, tier.cap, tier.tag, extra) for value, card, tier, extra in rates))
        return self._known.setdefault(same, Placement(free, rates))


def _edges(cards: Iterable[Card]) -> Iterator[dt.date]:
    """The days on which a card's terms change, or an activation begins to count; quarters begin beside them."""
    for card in cards:
        yield from card.prepared.changes
        for at in card.holding.activations.values():
            if at is not None:
                yield from (at.date(), at.date() + dt.timedelta(days=1))
