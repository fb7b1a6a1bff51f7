"""Makes a stored choice again from its trace alone, and names what comes out otherwise. Pure: no rules, no catalogue.

A trace holds all that the engine saw: the purchase, each card with its expiry and currencies, the rows of its product
and network (also those that lost), multipliers and thresholds; by value the terms, the caps with what was spent, their
prices, and the personal rules. What follows from that must be what is stored, to the last digit.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from onecard.kit.errors import OneCardError
from routing import strategy
from routing.engine import CASH, Method, Purchase, Row, Rules, applicable_rows, choose
from routing.trace import describe
from routing.valued import deciding, holdings
from routing.valued import trace as valued
from wallet.models import Preference

Trace = Mapping[str, Any]
DAMAGED: Final = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RuntimeError)
# What the engine found by value of each card, beside what it saw.
RESULTS: Final = ("reward", "fee", "space", "excluded", "flat", "parts")


class TraceTooShortError(OneCardError):
    """The trace was stored by a release before this one, and does not hold all that the engine saw."""

    code = "trace_too_short"


def has_choice(stored: Trace) -> bool:
    """Returns whether a card was chosen at all; a decline for lack of time or of a known card has no choice."""
    return "candidates" in stored


def differences(stored: Trace) -> list[str]:
    """Returns a sentence for each thing that comes out otherwise than it is stored, or for a damaged trace.

    Raises TraceTooShortError for one that was stored before traces held the rows and the cards' expiry.
    """
    if "rows" not in stored:
        raise TraceTooShortError("It was stored before traces held the rows and the cards' expiry.")
    try:
        return list(_differences(stored))
    except (*DAMAGED, msgspec.MsgspecError) as error:
        return [f"its trace is damaged, and cannot be decided again: {error!r}."]


def _differences(stored: Trace) -> Iterator[str]:
    rows, rules = [_row(each) for each in stored["rows"]], _rules(stored)
    purchase = _purchase(stored)
    methods = [method_of(each) for each in stored["candidates"]]
    saw = stored.get("value")
    if saw is None:
        choice = choose(purchase, methods, rows, stored["preference"], rules)
    else:
        yield from _rows_in_place_of_terms(saw, methods, rows, purchase, rules)
        chosen, cards = _by_value(saw, methods, purchase)
        choice = deciding.as_choice(chosen, methods, cards, valued.purchase_of(saw["purchase"]).amount_minor)
        yield from _of_value(saw, valued.results_of(chosen))
    again = describe(
        choice,
        purchase=purchase,
        preference=stored["preference"],
        rules=rules,
        rows=rows,
        rulebook_version=stored["rulebook_version"],
        versions=stored["rule_versions"],
        ranked_by=_ranked_by(stored),
    )
    yield from _compared(stored, again if saw is None else strategy.with_value(again, dict(saw)))


def _compared(stored: Trace, again: Trace) -> Iterator[str]:
    """Yields what differs of the trace; candidates one by one, since a sentence about all of them says nothing."""
    for name, value in again.items():
        if name != "candidates" and stored.get(name) != value:
            yield f"{name}: {stored.get(name)} is stored, {value} comes out."
    pairs = zip(stored["candidates"], again["candidates"], strict=True)
    for place, (kept, found) in enumerate(pairs, start=1):
        for name in sorted(kept.keys() | found.keys()):
            if kept.get(name) != found.get(name):
                yield f"candidate {place}, {name}: {kept.get(name)} is stored, {found.get(name)} comes out."


def _by_value(saw: Trace, methods: Sequence[Method], purchase: Purchase) -> tuple[Any, list[holdings.Held]]:
    """Returns the choice by what is stored of terms, caps, prices and personal rules, and the cards with terms."""
    kept = {each["card"]: each for each in saw["cards"]}
    left_out = deciding.left_out_of(methods, {each.id for each in methods if str(each.id) in kept}, purchase)
    by_id = {str(each.id): each for each in methods}
    wallet = valued.wallet_of(saw, purchase.mcc)
    cards = [
        holdings.Held(by_id[card.holding.card], card, kept[card.holding.card]["basis"], None) for card in wallet.cards
    ]
    return valued.again(saw, left_out), cards


def _rows_in_place_of_terms(
    saw: Trace, methods: Sequence[Method], rows: Sequence[Row], purchase: Purchase, rules: Rules
) -> Iterator[str]:
    """Yields the cards for which another ranking than the stored one stands in the place of terms."""
    ranked = applicable_rows(rows, purchase.local_date, CASH, rules)
    by_id = {str(each.id): each for each in methods}
    for each in saw["cards"]:
        if each["basis"] == holdings.CATALOGUE:
            continue
        method = by_id[each["card"]]
        own = ranked.get(method.product_id) if method.product_id is not None else None
        row = own or (ranked.get(method.network) if each["basis"] == holdings.RANKING else None)
        if row is None or row.id != each["terms_id"]:
            found = row.id if row else None
            yield f"card {each['card']}: ranking {each['terms_id']} is stored, {found} comes out."


def _of_value(saw: Trace, again: Trace) -> Iterator[str]:
    for each in saw["cards"]:
        found = again["cards"].get(each["card"], {})
        for name in RESULTS:
            if each.get(name) != found.get(name):
                yield f"card {each['card']}, {name}: {each.get(name)} is stored, {found.get(name)} comes out."
    for name in ("decided_by", "skipped"):
        if saw.get(name, again[name]) != again[name]:
            yield f"{name}: {saw.get(name)} is stored, {again[name]} comes out."


def _purchase(stored: Trace) -> Purchase:
    day = dt.date.fromisoformat(stored["local_date"])
    return Purchase(stored["mcc"], stored["currency"], dt.datetime.fromisoformat(stored["at"]), day)


def _rules(stored: Trace) -> Rules:
    cash, other = map(Decimal, stored["multipliers"])
    by = _ranked_by(stored) or stored["preference"]
    limits = Decimal(stored["tie_within"]), Decimal(stored["significantly_better"])
    return Rules({(by, True): cash, (by, False): other}, *limits)


def _ranked_by(stored: Trace) -> str:
    return CASH if stored.get("strategy") == Preference.VALUE else ""


def method_of(kept: Trace) -> Method:
    """Returns a card as the engine saw it. Raises KeyError or ValueError for a candidate of an earlier release."""
    year, month = kept["expires"].split("-")
    until, opened_on = kept.get("cooling_until"), kept.get("opened_on")
    return Method(
        id=kept["method_id"],
        name=kept["name"],
        network=kept["network"],
        product_id=kept["product_id"],
        last_four=kept["last_four"],
        processor_method_id="",
        active=kept.get("active", True),
        expiry_year=int(year),
        expiry_month=int(month),
        cooling_until=dt.datetime.fromisoformat(until) if until else None,
        currencies=tuple(kept["currencies"]),
        is_backup=kept["is_backup"],
        position=kept["position"],
        has_customer=kept.get("has_customer", True),
        statement_day=kept.get("statement_day"),
        opened_on=dt.date.fromisoformat(opened_on) if opened_on else None,
        activations=kept.get("activations", {}),
        choices=kept.get("choices", {}),
    )


def _row(kept: Sequence[Any]) -> Row:
    key, version, product_id, network, rate, kind, first, last = kept
    days = [dt.date.fromisoformat(each) if each else None for each in (first, last)]
    return Row(key, version, product_id, network, Decimal(rate), kind, *days)
