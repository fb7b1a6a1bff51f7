"""Decides a stored purchase again with other rows or rules, by the product's own engine. Pure.

The wallet is that of the stored trace: who could pay then can pay again, and who was left out is left out again.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from onecard.kit.money import Money
from routing import rewards
from routing.engine import Choice, Method, Purchase, Row, Rules, choose
from routing.value.choice import ValueChoice
from routing.valued import trace

# Reasons that ask the rules and not the wallet, so that other rows may answer otherwise.
_USABLE: Final = ("", "no_ranking_row")


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a decision chose from: the purchase, the wallet as it was, and the cardholder's preference."""

    purchase: Purchase
    methods: tuple[Method, ...]
    preference: str

    def on(self, day: dt.date) -> "Circumstances":
        """Returns the same purchase as if it were made on another day, for rows that begin later."""
        return replace(self, purchase=replace(self.purchase, local_date=day))


def circumstances(stored: Mapping[str, Any], product_ids: Mapping[int, int | None]) -> Circumstances | None:
    """Returns the circumstances that a stored trace describes, or None for one that does not say enough.

    `product_ids` are the products of funding methods by id, for traces that were stored before traces named them.
    """
    try:
        currency, day = str(stored["currency"]), dt.date.fromisoformat(stored["local_date"])
        purchase = Purchase(str(stored["mcc"]), currency, dt.datetime.fromisoformat(stored["at"]), day)
        methods = tuple(_method(each, currency, product_ids) for each in stored["candidates"])
        return Circumstances(purchase, methods, str(stored.get("strategy") or stored["preference"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def decide(found: Circumstances, rows: Sequence[Row], rules: Rules) -> Choice:
    """Returns the engine's choice from these circumstances by the rows of the purchase's MCC and the rules."""
    return choose(found.purchase, found.methods, rows, found.preference, rules)


def value_again(stored: Mapping[str, Any]) -> ValueChoice:
    """Makes a choice by value again from its stored trace alone: the terms, the caps and the prices that it saw.

    Raises KeyError, TypeError or ValueError for a trace that is not by value, or of another release.
    """
    left_out = {str(each["method_id"]): each["left_out"] for each in stored["candidates"] if each["left_out"]}
    return trace.again(stored["value"], left_out)


def reward_micro(choice: Choice, paid: Money) -> int:
    """Returns what the chosen card earns on the amount that it pays, at face value, in millionths of the currency unit.

    Raises RewardTooLargeError for what the rewards book cannot hold.
    """
    chosen = choice.chosen
    if chosen is None or chosen.row is None:
        return 0
    found = rewards.estimate(amount=paid, reward_rate=chosen.row.reward_rate, reward_type=chosen.row.reward_type)
    return rewards.book(found).value_face_micro


def _method(candidate: Mapping[str, Any], currency: str, product_ids: Mapping[int, int | None]) -> Method:
    key = int(candidate["method_id"])
    return Method(
        id=key,
        name=str(candidate["name"]),
        network=str(candidate["network"]),
        product_id=candidate["product_id"] if "product_id" in candidate else product_ids.get(key),
        last_four=str(candidate["last_four"]),
        processor_method_id="",
        active=candidate["left_out"] in _USABLE,
        expiry_year=dt.MAXYEAR,
        expiry_month=12,
        cooling_until=None,
        currencies=(currency,),
        is_backup=bool(candidate["is_backup"]),
        position=int(candidate["position"]),
    )
