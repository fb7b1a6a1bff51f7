"""A choice by strategy `value`: the wallet as it is, its terms and spend, and the engine's answer as a Choice."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Any, Final

from routing.catalogue.compiled import CompiledCatalogue
from routing.engine import CASH, Candidate, Choice, Method, Purchase, Row, Rules, applicable_rows, unusable_because
from routing.value.choice import NO_CARD, ValueChoice, choose_by_value
from routing.value.earning import Earning
from routing.value.likelihood import START_PPM, Odds
from routing.value.offers import PricedProduct
from routing.value.spend import Purchase as Bought
from routing.value.wallet import UNITS, Wallet
from routing.valued import trace
from routing.valued.holdings import Held, held
from routing.valued.person import PersonFacts

# A check of a card is for no amount; its choice is that of a purchase of one unit.
SMALLEST_MINOR: Final = 100
THOUSANDTH: Final = Decimal("0.001")
# Numbers that were worked out before, and rows that apply on a day.
MOST_REMEMBERED: Final = 4_096


@dataclass(frozen=True, slots=True)
class Asked:
    """A purchase by its rules (`Purchase`) and by its terms (`Bought`)."""

    purchase: Purchase
    bought: Bought


@dataclass(frozen=True, slots=True)
class Decided:
    """The engine's answer, with what it was made from."""

    chosen: ValueChoice
    bought: Bought
    wallet: Wallet
    cards: Sequence[Held]


def choose(
    asked: Asked,
    methods: Sequence[Method],
    rows: Sequence[Row],
    rules: Rules,
    found: CompiledCatalogue,
    person: PersonFacts,
    *,
    is_passed_through: bool,
    odds: Mapping[str, Odds] | None = None,
) -> tuple[Choice, dict[str, Any]]:
    """Picks the method that earns the most money, and returns the choice with what the engine saw, as JSON.

    A card that has neither terms nor a ranking is left out. Without any candidate the backup pays if it may be charged,
    as in every other strategy. `odds` have each card's likelihood to pay and the processor's fee counted.
    """
    ranked = _applicable(rows, asked.purchase.local_date, rules)
    cards = held(methods, found, ranked, person, is_passed_through=is_passed_through)
    made = decide(asked, methods, cards, found, person, odds=odds)
    saw = trace.describe(made.chosen, made.bought, made.wallet, person, is_passed_through=is_passed_through, held=cards)
    return as_choice(made.chosen, methods, cards, made.bought.amount_minor), saw


def decide(
    asked: Asked,
    methods: Sequence[Method],
    cards: Sequence[Held],
    found: CompiledCatalogue,
    person: PersonFacts,
    *,
    odds: Mapping[str, Odds] | None = None,
) -> Decided:
    """Makes the choice among the cards that have terms or a ranking."""
    left_out = left_out_of(methods, {each.method.id for each in cards}, asked.purchase)
    bought = asked.bought._replace(amount_minor=asked.bought.amount_minor or SMALLEST_MINOR)
    wallet = Wallet.of([each.card for each in cards])
    chosen = choose_by_value(bought, wallet, person.spend, person.prices, left_out, personal=person.rules, odds=odds)
    return Decided(chosen, bought, wallet, cards)


def odds_of(methods: Sequence[Method], person: PersonFacts, fees_bp: Mapping[str, int]) -> dict[str, Odds]:
    """Returns the odds of each card. One that was not counted yet is taken for an ordinary card."""
    return {
        str(each.id): Odds(person.approved_ppm.get(str(each.id), START_PPM), fees_bp.get(each.network, 0))
        for each in methods
    }


def as_choice(chosen: ValueChoice, methods: Sequence[Method], cards: Sequence[Held], amount_minor: int) -> Choice:
    """Returns the engine's answer in the terms of every strategy: the candidates best first, then those left out."""
    by_card = {str(each.id): each for each in methods}
    paying = paying_method(chosen, methods)
    known = {each.holding.card: each for each in cards}
    ranked = tuple(
        _candidate(known[e.card.holding.card], e, amount_minor, chosen.expected(e, amount_minor))
        for e in chosen.candidates
    )
    without = tuple(
        Candidate(by_card[card], None, Decimal(0), Decimal(0), reason) for card, reason in chosen.left_out.items()
    )
    rule = "backup_unranked" if chosen.rule == NO_CARD and paying else chosen.rule
    return Choice(paying, rule, (*ranked, *without))


def paying_method(chosen: ValueChoice, methods: Sequence[Method]) -> Method | None:
    """Returns the card that pays, by a personal rule not always the best; else the backup if it may be charged."""
    if chosen.chosen is not None:
        card = chosen.chosen.card.holding.card
        return next(each for each in methods if str(each.id) == card)
    unranked = [each for each in methods if chosen.left_out.get(str(each.id)) == "no_ranking_row"]
    return next((each for each in unranked if each.is_backup), None)


def left_out_of(methods: Sequence[Method], known: Collection[int], purchase: Purchase) -> dict[str, str]:
    """Returns which cards may not pay, and why; `known` are those that have terms or a ranking."""
    reasons = {
        method.id: unusable_because(method, purchase) or ("" if method.id in known else "no_ranking_row")
        for method in methods
    }
    return {str(key): reason for key, reason in reasons.items() if reason}


def _candidate(card: Held, earning: Earning, amount_minor: int, expected: int) -> Candidate:
    """Returns a card as every trace shows it: units for each whole unit of money, cents per unit, and their product.

    A purchase that crosses a cap earns two rates; the one shown is what it earns on average. The effective reward is in
    cents for each unit of money, less the foreign fee and the price of scarce space; with odds, what is expected of it.
    """
    method, priced = card.method, earning.card.priced
    if earning.split or expected != earning.net:
        shown = _shown(priced, earning.reward, expected, amount_minor, method.product_id, method.network)
    else:
        # One rate for all of it, which many purchases earn.
        value, fee = earning.offer.tiers[0].value, earning.offer.fee
        shown = _shown_often(priced, value, value - fee, 1, method.product_id, method.network)
    row, cents, effective = shown
    return Candidate(method, row, cents, effective)


def _shown(
    priced: PricedProduct, reward: int, net: int, spent: int, product_id: int | None, network: str
) -> tuple[Row, Decimal, Decimal]:
    """Returns a candidate's row, cents and effective reward for what was earned on so many minor units."""
    product, point = priced.prepared.product, priced.point
    rate = Decimal(reward) / (spent * point * 100) if point else Decimal(0)
    row = Row(
        id=product.source.row_id,
        version=product.source.version,
        product_id=product_id,
        network=network,
        reward_rate=rate.quantize(THOUSANDTH, ROUND_HALF_EVEN),
        reward_type=product.reward_type,
        valid_from=None,
        valid_to=None,
    )
    return row, Decimal(point) / 10_000, Decimal(net) * 100 / (UNITS * spent)


def _applicable(rows: Sequence[Row], day: dt.date, rules: Rules) -> Mapping[int | str, Row]:
    """Returns the rows that apply on a day, remembered for the rows of a rulebook version."""
    known = _applicable_on.get((id(rows), day))
    # Other rows may be at the same place in memory by now.
    if known is None or known[0] is not rows:
        if len(_applicable_on) >= MOST_REMEMBERED:
            _applicable_on.clear()
        known = _applicable_on[id(rows), day] = (rows, applicable_rows(rows, day, CASH, rules))
    return known[1]


_shown_often = lru_cache(MOST_REMEMBERED)(_shown)
_applicable_on: dict[tuple[int, dt.date], tuple[Sequence[Row], Mapping[int | str, Row]]] = {}
