"""What a month's purchases earned, beside one card for all of them, the most that was possible, and what was missing.

All sums are in value units (routing/value/wallet.py). Purchases are as they stand: what went back is taken off.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from routing.value.hindsight import Offered, Slot, most_earned, room_before
from routing.value.offers import Offer
from routing.value.spend import Bucket, Purchase, Spend
from routing.value.wallet import Card, Wallet


class Bought(NamedTuple):
    """A purchase with the cards that could have paid it, and the one that did, by its name in the wallet."""

    purchase: Purchase
    wallet: Wallet
    card: str


@dataclass(frozen=True, slots=True)
class Month:
    """The sums of a month. `by_card` and `singles` are by the cards' names.

    A single is what one card would have brought: it pays all that it could have paid, and the rest is paid as it was.
    No sum is higher than `most`.
    """

    earned: int
    by_card: Mapping[str, int]
    singles: Mapping[str, int]
    most: int

    @property
    def best_single(self) -> str | None:
        """The card that alone would have brought the most; of equals, the first by name."""
        return min(self.singles, key=lambda card: (-self.singles[card], card), default=None)

    @property
    def baseline(self) -> int:
        return max(self.singles.values(), default=0)

    @property
    def benefit(self) -> int:
        """What the choice of a card for each purchase brought beyond the best single card; may be below zero."""
        return self.earned - self.baseline

    @property
    def left_on_table(self) -> int:
        return self.most - self.earned


def sum_up(bought: Sequence[Bought], before: Spend) -> Month:
    """Sums up purchases in the order of their time; `before` is what was spent before the first of them.

    Raises ValueError for a purchase whose wallet lacks the card that paid.
    """
    offered, payers = offers_of(bought), [each.card for each in bought]
    by_card: dict[str, int] = {}
    for card, value in zip(payers, post(offered, payers, before), strict=True):
        by_card[card] = by_card.get(card, 0) + value
    cards = sorted({card.holding.card for _, offers in offered for card, _ in offers})
    singles = {card: sum(post(offered, _alone(card, offered, payers), before)) for card in cards}
    return Month(sum(by_card.values()), by_card, singles, most_earned(offered, before))


def offers_of(bought: Iterable[Bought]) -> list[Offered]:
    """Returns each purchase with what its cards offer."""
    return [
        Offered(purchase, tuple(zip(wallet.cards, wallet.offers(purchase), strict=True)))
        for purchase, wallet, _ in bought
    ]


def with_card(offered: Iterable[Offered], added: Wallet) -> list[Offered]:
    """Returns the purchases with a further card, given as a wallet of its own, that could have paid each of them."""
    return [
        Offered(purchase, (*offers, *zip(added.cards, added.offers(purchase), strict=True)))
        for purchase, offers in offered
    ]


def with_terms(offered: Iterable[Offered], changed: Wallet) -> list[Offered]:
    """Returns the purchases with another holding of one card, such as one with a quarter activated.

    A purchase that the card could not pay, or where a ranking stands in the place of its terms, stays as it is.
    """
    (new,) = changed.cards
    found = []
    for purchase, offers in offered:
        (offer,) = changed.offers(purchase)
        pairs = tuple((new, offer) if _is_same(card, new) else (card, old) for card, old in offers)
        found.append(Offered(purchase, pairs))
    return found


def _is_same(card: Card, other: Card) -> bool:
    mine, its = card.holding, other.holding
    return (mine.card, mine.product.key) == (its.card, its.product.key)


def _alone(card: str, offered: Sequence[Offered], payers: Sequence[str]) -> list[str]:
    return [
        card if any(each.holding.card == card for each, _ in offers) else payer
        for (_, offers), payer in zip(offered, payers, strict=True)
    ]


def post(offered: Sequence[Offered], payers: Sequence[str], before: Spend) -> list[int]:
    """Returns what each purchase earns when these cards pay, foreign fees taken off, as statements post it in the end.

    Caps fill in the order of time; a top category's bonus goes to the category with the most spend on the card.
    """
    paid = [(purchase, *_offer_of(payer, offers)) for (purchase, offers), payer in zip(offered, payers, strict=True)]
    rooms = _Rooms(before, _winners(paid, before))
    return [rooms.post(*each) for each in paid]


def _offer_of(card: str, offers: Iterable[tuple[Card, Offer]]) -> tuple[Card, Offer]:
    found = next((pair for pair in offers if pair[0].holding.card == card), None)
    if found is None:
        raise ValueError(f"Card {card} could not have paid this purchase.")
    return found


def _winners(paid: Iterable[tuple[Purchase, Card, Offer]], before: Spend) -> dict[Bucket, str]:
    """Returns the category with the most spend in each top category's bucket."""
    spent: dict[Bucket, dict[str, int]] = {}
    for purchase, card, offer in paid:
        for tier in offer.tiers:
            if tier.cap is None or tier.hit is None or not tier.tag:
                continue
            bucket = card.bucket(tier.cap, purchase.at.date())
            tags = spent.setdefault(bucket, _spent_before(before, bucket, tier.hit.prepared.bonus.key))
            tags[tier.tag] = tags.get(tier.tag, 0) + purchase.amount_minor
    return {bucket: min(tags, key=lambda tag: (-tags[tag], tag)) for bucket, tags in spent.items()}


def _spent_before(before: Spend, bucket: Bucket, bonus: str) -> dict[str, int]:
    return {
        tally.tag: used.total_minor
        for tally, used in before.tallies.items()
        if (tally.card, tally.bonus, tally.starts_on) == (bucket.card, bonus, bucket.starts_on)
    }


class _Rooms:
    """What is left in each slot while purchases are posted one after another."""

    def __init__(self, before: Spend, winners: Mapping[Bucket, str]) -> None:
        self._before, self._winners = before, winners
        self._left: dict[Slot, int] = {}

    def post(self, purchase: Purchase, card: Card, offer: Offer) -> int:
        left = purchase.amount_minor
        value = -offer.fee * left
        for tier in offer.tiers:
            if tier.cap is None:
                return value + tier.value * left
            slot = Slot(card.bucket(tier.cap, purchase.at.date()), tier.tag)
            if tier.tag and self._winners.get(slot.bucket) != tier.tag:
                continue
            if slot not in self._left:
                self._left[slot] = room_before(slot, tier, self._before)
            taken = min(left, self._left[slot])
            self._left[slot] -= taken
            value += tier.value * taken
            left -= taken
        return value
