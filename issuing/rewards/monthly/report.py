"""The monthly report of a person: what their purchases earned, beside one card alone, and the most that was possible.

Everything is counted by the same terms, those that are known now, at what a point is worth to the person, and after
foreign fees; so the sums can be compared. They are made anew whenever somebody looks (docs/decisions/0066).
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP
from typing import Final

from issuing.rewards.monthly.purchases import Lookback, Spent, look_back, spent_before
from onecard.kit.money import Money
from routing.engine import Method
from routing.preview import method_of
from routing.value.missed import Looked, activations_missed, at_its_best, gain_of_card, is_sold_in
from routing.value.month import Month, offers_of, sum_up
from routing.value.terms import Holding, Product
from routing.value.wallet import to_minor
from routing.valued.holdings import held
from wallet.models import Cardholder, FundingMethod

MOST_SHOWN: Final = 3
MONTHS_OF_FEE: Final = 12


@dataclass(frozen=True, slots=True)
class CardLine:
    """What one card paid and earned; `alone` is what it would have brought had it paid everything that it could."""

    name: str
    last_four: str
    paid: Money
    earned: Money
    alone: Money


@dataclass(frozen=True, slots=True)
class MissedActivation:
    """A quarter that was not activated, and how much more the most would have been with it."""

    card: str
    quarter: str
    gain: Money


@dataclass(frozen=True, slots=True)
class MissedCard:
    """A card that the person does not have, and how much more the most would have been with it.

    `fee_a_year` is its annual fee; `gain` is without it, and `net` less a twelfth of it.
    """

    product: str
    gain: Money
    fee_a_year: Money
    net: Money


@dataclass(frozen=True, slots=True)
class Report:
    """One month in one currency. `benefit` is `earned` less `baseline`; `left` is `most` less `earned`.

    `baseline_card` alone would have brought the most. Of `spent`, `unknown` was paid by cards without terms and counts
    in no other sum. `base_rates_only`: our processor account does not pass the merchants' categories on now.
    """

    month: dt.date
    currency: str
    purchases: int
    spent: Money
    unknown: Money
    earned: Money
    baseline: Money
    baseline_card: str
    most: Money
    cards: tuple[CardLine, ...]
    activations: tuple[MissedActivation, ...]
    new_cards: tuple[MissedCard, ...]
    base_rates_only: bool = False

    @property
    def benefit(self) -> Money:
        return Money(self.earned.minor - self.baseline.minor, self.currency)

    @property
    def left(self) -> Money:
        return Money(self.most.minor - self.earned.minor, self.currency)

    @property
    def percent_of_most(self) -> int | None:
        """How much of the most that was possible was earned; None where nothing was possible."""
        return self.earned.minor * 100 // self.most.minor if self.most.minor > 0 and self.earned.minor >= 0 else None

    @property
    def best_activation(self) -> MissedActivation | None:
        return self.activations[0] if self.activations else None

    @property
    def best_new_card(self) -> MissedCard | None:
        return self.new_cards[0] if self.new_cards else None


def reports_of(holder: Cardholder, month: dt.date) -> list[Report]:
    """Returns the reports of a month, one for each currency in order of its code; none for a month without purchases.

    `month` is its first day. Reads only.
    """
    found = look_back(holder, month)
    return [_report(holder, month, found, spent) for spent in found.spent]


def _report(holder: Cardholder, month: dt.date, found: Lookback, spent: Spent) -> Report:
    before, currency = spent_before(holder, month, spent.currency), spent.currency
    sums = sum_up(spent.bought, before)
    catalogue, matcher = found.found.catalogue, found.found.matcher
    looked = Looked(matcher, catalogue, offers_of(spent.bought), before, sums.most)
    best = sums.best_single
    return Report(
        month=month,
        currency=currency,
        purchases=len(spent.bought),
        spent=Money(spent.total_minor, currency),
        unknown=Money(spent.unknown_minor, currency),
        earned=_money(sums.earned, currency),
        baseline=_money(sums.baseline, currency),
        baseline_card=_label(found.methods[int(best)]) if best else "",
        most=_money(sums.most, currency),
        cards=tuple(_cards(found, spent, sums)),
        activations=tuple(_activations(found, looked, currency))[:MOST_SHOWN],
        new_cards=tuple(_new_cards(found, looked, currency))[:MOST_SHOWN],
        base_rates_only=not found.passes,
    )


def _cards(found: Lookback, spent: Spent, sums: Month) -> Iterable[CardLine]:
    """Yields the cards that paid or could have paid, those that earned most first."""
    known = {int(card) for card in sums.singles} | spent.by_card.keys()
    for pk in sorted(known, key=lambda each: (-sums.by_card.get(str(each), 0), -spent.by_card.get(each, 0), each)):
        method, currency = found.methods[pk], spent.currency
        yield CardLine(
            name=method.name,
            last_four=method.last_four,
            paid=Money(spent.by_card.get(pk, 0), currency),
            earned=_money(sums.by_card.get(str(pk), 0), currency),
            alone=_money(sums.singles.get(str(pk), 0), currency),
        )


def _activations(found: Lookback, looked: Looked, currency: str) -> Iterable[MissedActivation]:
    for each in activations_missed(looked, _holdings(found)):
        gain = _money(each.gain, currency)
        if gain.minor > 0:
            yield MissedActivation(_label(found.methods[int(each.card)]), each.quarter, gain)


def _new_cards(found: Lookback, looked: Looked, currency: str) -> list[MissedCard]:
    """Returns the cards of the catalogue that would have added more than a twelfth of their fee, the best first."""
    if not looked.offered:
        return []
    owned = {each.product_id for each in found.methods.values() if each.status == FundingMethod.Status.ACTIVE}
    first, last = (looked.offered[place].purchase.at.date() for place in (0, -1))
    cards = [
        _missed_card(found, looked, product, currency)
        for pk, product in found.found.products.items()
        if pk not in owned and product.segment == "consumer" and is_sold_in(product, first, last)
    ]
    paying = [each for each in cards if each.net.minor > 0]
    return sorted(paying, key=lambda each: (-each.net.minor, each.fee_a_year.minor, each.product))


def _missed_card(found: Lookback, looked: Looked, product: Product, currency: str) -> MissedCard:
    choices, activations = at_its_best(looked, product)
    holding = Holding(
        card=f"product {product.key}",
        product=product,
        choices=choices,
        activations=activations,
        cents_per_point=found.person.cents_of(product.programme),
        passed_through=found.passes,
    )
    gain, fee = _money(gain_of_card(looked, holding), currency), product.annual_fee_minor
    return MissedCard(product.name, gain, Money(fee, currency), Money(gain.minor - -(-fee // MONTHS_OF_FEE), currency))


def _holdings(found: Lookback) -> list[Holding]:
    """Returns the person's active cards by the catalogue's terms, without rankings in their place."""
    own = [each for each in found.methods.values() if each.status == FundingMethod.Status.ACTIVE]
    methods: list[Method] = [method_of(each) for each in own]
    return [each.holding for each in held(methods, found.found, {}, found.person, is_passed_through=found.passes)]


def _label(method: FundingMethod) -> str:
    return f"{method.name} •••• {method.last_four}"


def _money(units: int, currency: str) -> Money:
    """Returns value units as money, rounded half up to the minor unit."""
    return Money(int(to_minor(units).to_integral_value(ROUND_HALF_UP)), currency)
