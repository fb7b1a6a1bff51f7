"""Decides a stored purchase again with other rows, rules or terms, by the product's own engine.

The wallet is that of the stored trace: who could pay then can pay again, and who was left out is left out again. By
value, caps are as full as the trace says, space has the prices of then, and the person's rules are those of then.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final

from msgspec import structs

from onecard.kit.money import Money, currency_exponent
from routing import rewards
from routing.engine import CASH, Choice, Method, Purchase, Row, Rules, applicable_rows, choose
from routing.value.likelihood import Odds
from routing.value.spend import Purchase as Bought
from routing.valued import deciding, trace
from routing.valued.holdings import held
from routing.valued.person import PersonFacts
from routing.worlds import World
from wallet.models import Preference

# Reasons that ask the rules and not the wallet, so that other rows may answer otherwise.
USABLE: Final = ("", "no_ranking_row")
_PERSONAL: Final = "personal_rule_"


@dataclass(frozen=True, slots=True)
class Valued:
    """What a choice by value saw beside the wallet."""

    bought: Bought
    person: PersonFacts
    is_passed_through: bool
    odds: Mapping[str, Odds]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a decision chose from: the purchase, the wallet as it was, and the strategy that decided.

    `valued` is there for a decision by value only.
    """

    purchase: Purchase
    methods: tuple[Method, ...]
    preference: str
    valued: Valued | None = None

    def on(self, day: dt.date) -> "Circumstances":
        """Returns the same purchase as if it were made on another day, for rows that begin later."""
        found = replace(self, purchase=structs.replace(self.purchase, local_date=day))
        if self.valued is None:
            return found
        bought = self.valued.bought
        moved = bought._replace(at=dt.datetime.combine(day, bought.at.time()))
        return replace(found, valued=replace(self.valued, bought=moved))


@dataclass(frozen=True, slots=True)
class Outcome:
    """The card that pays (None: declined), and what it earns in millionths of the currency unit."""

    method: Method | None
    reward_micro: int

    @property
    def card(self) -> str:
        return f"{self.method.name} •••• {self.method.last_four}" if self.method else ""

    @property
    def payer(self) -> int | None:
        return self.method.id if self.method else None


def circumstances(stored: Mapping[str, Any], product_ids: Mapping[int, int | None]) -> Circumstances | None:
    """Returns the circumstances that a stored trace describes, or None for one that does not say enough.

    `product_ids` are the products of funding methods by id, for traces that were stored before traces named them.
    """
    try:
        currency, day = str(stored["currency"]), dt.date.fromisoformat(stored["local_date"])
        purchase = Purchase(str(stored["mcc"]), currency, dt.datetime.fromisoformat(stored["at"]), day)
        methods = tuple(_method(each, currency, product_ids) for each in stored["candidates"])
        strategy = str(stored.get("strategy") or stored["preference"])
        valued = _valued(stored["value"]) if strategy == Preference.VALUE else None
        return Circumstances(purchase, methods, strategy, valued)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def decide(found: Circumstances, rows: Sequence[Row], rules: Rules) -> Choice:
    """Returns the engine's choice from these circumstances by the rows of the purchase's MCC and the rules."""
    return choose(found.purchase, found.methods, rows, found.preference, rules)


def decide_in(world: World, found: Circumstances, paid: Money) -> Outcome:
    """Returns which card would pay under these rules, by the strategy that decided, and what it earns.

    By value that is money by the cards' terms, after caps and the foreign fee; otherwise the reward at face value by
    the row that applies. Raises RewardTooLargeError for what the rewards book cannot hold.
    """
    rows = world.rows_of(found.purchase.mcc)
    if found.valued is None:
        choice = decide(found, rows, world.rules)
        return Outcome(choice.method, reward_micro(choice, paid))
    known = found.valued
    ranked = applicable_rows(rows, found.purchase.local_date, CASH, world.rules)
    cards = held(found.methods, world.catalogue, ranked, known.person, is_passed_through=known.is_passed_through)
    asked = deciding.Asked(found.purchase, known.bought._replace(amount_minor=paid.minor))
    made = deciding.decide(asked, found.methods, cards, world.catalogue, known.person, odds=known.odds or None)
    method = deciding.paying_method(made.chosen, found.methods)
    return Outcome(method, micro_of(made.chosen.chosen.earned, paid.currency) if made.chosen.chosen else 0)


def micro_of(units: int, currency: str) -> int:
    """Turns the engine's value units (1e-8 minor units) into millionths of the currency unit, rounded half-even."""
    return round(Fraction(units, 10 ** (2 + currency_exponent(currency))))


def reward_micro(choice: Choice, paid: Money) -> int:
    """Returns what the chosen card earns on the amount that it pays, at face value, in millionths of the currency unit.

    Raises RewardTooLargeError for what the rewards book cannot hold.
    """
    chosen = choice.chosen
    if chosen is None or chosen.row is None:
        return 0
    found = rewards.estimate(amount=paid, reward_rate=chosen.row.reward_rate, reward_type=chosen.row.reward_type)
    return rewards.book(found).value_face_micro


def _valued(saw: Mapping[str, Any]) -> Valued:
    odds = trace.odds_of(saw)
    return Valued(trace.purchase_of(saw["purchase"]), trace.person_of(saw), bool(saw["passed_through"]), odds)


def _method(candidate: Mapping[str, Any], currency: str, product_ids: Mapping[int, int | None]) -> Method:
    key, left_out, opened_on = int(candidate["method_id"]), candidate["left_out"], candidate.get("opened_on")
    return Method(
        id=key,
        name=str(candidate["name"]),
        network=str(candidate["network"]),
        product_id=candidate["product_id"] if "product_id" in candidate else product_ids.get(key),
        last_four=str(candidate["last_four"]),
        processor_method_id="",
        active=left_out in USABLE or str(left_out).startswith(_PERSONAL),
        expiry_year=dt.MAXYEAR,
        expiry_month=12,
        cooling_until=None,
        currencies=(currency,),
        is_backup=bool(candidate["is_backup"]),
        position=int(candidate["position"]),
        statement_day=candidate.get("statement_day"),
        opened_on=dt.date.fromisoformat(opened_on) if opened_on else None,
        activations=candidate.get("activations", {}),
        choices=candidate.get("choices", {}),
    )
