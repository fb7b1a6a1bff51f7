"""What would have brought more: quarters that were not activated, and cards of the catalogue that the person lacks.

Each is worth how much higher the most that was possible would have been with it (routing/value/hindsight.py). Pure.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from routing.value.hindsight import Offered, most_earned
from routing.value.matching import Matcher, PreparedBonus
from routing.value.month import with_card, with_terms
from routing.value.periods import quarter_of
from routing.value.spend import Purchase, Spend
from routing.value.terms import Catalogue, Channel, Holding, Product
from routing.value.wallet import Wallet


class Activation(NamedTuple):
    """A quarter of a card that was not activated, and what it would have added, in value units."""

    card: str
    quarter: str
    gain: int


@dataclass(frozen=True, slots=True)
class Looked:
    """A month that is looked back on: its purchases with what each card offered, and the most that was possible."""

    matcher: Matcher
    catalogue: Catalogue
    offered: Sequence[Offered]
    before: Spend
    most: int

    def gain(self, offered: Iterable[Offered]) -> int:
        """Returns how much more than `most` was possible when the cards had offered this."""
        return most_earned(offered, self.before) - self.most

    def wallet(self, holding: Holding) -> Wallet:
        return Wallet(self.matcher, self.catalogue, [holding])


def activations_missed(looked: Looked, holdings: Iterable[Holding]) -> list[Activation]:
    """Returns the activations that would have added something, the best first."""
    quarters = sorted({quarter_of(purchase.at.date()) for purchase, _ in looked.offered})
    found = [
        Activation(holding.card, quarter, looked.gain(with_terms(looked.offered, looked.wallet(activated))))
        for holding in holdings
        if any(bonus.activation_required for bonus in holding.product.bonuses)
        for quarter in quarters
        if quarter not in holding.activations
        for activated in [replace(holding, activations={**holding.activations, quarter: None})]
    ]
    return sorted((each for each in found if each.gain > 0), key=lambda each: (-each.gain, each.card, each.quarter))


def gain_of_card(looked: Looked, holding: Holding) -> int:
    """Returns what a further card would have added, in value units, without its annual fee."""
    return looked.gain(with_card(looked.offered, looked.wallet(holding)))


def at_its_best(looked: Looked, product: Product) -> tuple[Mapping[str, tuple[str, ...]], Mapping[str, None]]:
    """Returns the choices and activations of somebody who uses a card well: the categories with the most spend."""
    purchases = [each.purchase for each in looked.offered]
    quarters = {quarter_of(purchase.at.date()): None for purchase in purchases}
    prepared = looked.matcher.prepare(product)
    choices = {each.bonus.key: _best_choices(each, purchases) for each in prepared.bonuses if each.bonus.choice_options}
    return choices, quarters


def is_sold_in(product: Product, first: dt.date, last: dt.date) -> bool:
    """Returns whether the product's terms hold from the first to the last of these days."""
    return (product.valid_from or dt.date.min) <= first and last <= (product.valid_to or dt.date.max)


def _best_choices(bonus: PreparedBonus, purchases: Sequence[Purchase]) -> tuple[str, ...]:
    def spent(tag: str) -> int:
        channel, mccs = bonus.options[tag]
        return sum(
            each.amount_minor for each in purchases if each.mcc in mccs and channel in (Channel.ANY, each.channel)
        )

    return tuple(sorted(bonus.bonus.choice_options, key=lambda tag: (-spent(tag), tag))[: bonus.bonus.choice_pick])
