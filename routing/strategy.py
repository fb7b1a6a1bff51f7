"""Which strategy decides a purchase, and the decision by it: the one way in for decisions and previews.

Strategies `cash` and `rewards` follow the rules of docs/routing.md; `value` counts money (docs/decisions/0064). Each
cardholder's preference says which one; ROUTING_STRATEGY=value has every purchase decided by value.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from django.conf import settings

from onecard.kit.clock import local_day
from onecard.kit.time_zones import zone_of
from routing import accounts, rulebook
from routing.engine import CASH, Choice, Method, Purchase, choose
from routing.trace import describe
from routing.value.spend import Purchase as Bought
from routing.value.terms import Channel
from routing.valued import deciding, holdings
from routing.valued.person import PersonFacts
from wallet.models import Preference

NOBODY: Final = PersonFacts()
HOME: Final = "US"


class Asked(msgspec.Struct, frozen=True):
    """A purchase to be routed: the moment in UTC, the merchant, and the amount that a funding card would pay.

    `country` is ISO 3166-1 alpha-2, "" where it is not known; `is_online` is None where that is not known.
    """

    mcc: str
    currency: str
    at: dt.datetime
    time_zone: str
    merchant: str = ""
    amount_minor: int = 0
    country: str = ""
    is_online: bool | None = None

    @property
    def purchase(self) -> Purchase:
        return Purchase(self.mcc, self.currency, self.at, local_day(self.at, self.time_zone))

    @property
    def bought(self) -> Bought:
        """The purchase as terms see it. What is not known is taken for a purchase in a store, at home."""
        local = self.at.astimezone(zone_of(self.time_zone)).replace(tzinfo=None)
        channel = Channel.ONLINE if self.is_online else Channel.IN_STORE
        return Bought(local, self.mcc, self.merchant, self.amount_minor, self.country or HOME, channel)


def is_by_value(preference: str) -> bool:
    """Returns whether the purchases of somebody with this preference are decided by value."""
    return preference == Preference.VALUE or settings.ROUTING_STRATEGY == Preference.VALUE


def is_passed_through() -> bool:
    """Returns whether our processor account passes the merchant's own category on to the cards' issuers. One query."""
    return accounts.passes_mcc()


def route(
    asked: Asked,
    methods: Sequence[Method],
    *,
    preference: str,
    version: int,
    person: PersonFacts = NOBODY,
    limit_ms: float = 1000,
    passes: bool | None = None,
    by_value: bool | None = None,
    with_odds: bool | None = None,
) -> tuple[Choice, dict[str, Any]]:
    """Returns the choice by the strategy in force, and the trace that a decision stores of it.

    `version` is the rulebook's, as just read. `passes` stands in for the switch of the processor account, `by_value`
    for what ROUTING_STRATEGY says of this preference, and `with_odds` for ROUTING_ODDS.
    """
    rules, rows, versions = rulebook.rules_for(version=version, mcc=asked.mcc, limit_ms=limit_ms)
    purchase, saw = asked.purchase, None
    if is_by_value(preference) if by_value is None else by_value:
        found = rulebook.catalogue_for(version=version, limit_ms=limit_ms)
        passes = found.account.passes_mcc if passes is None else passes
        with_odds = settings.ROUTING_ODDS if with_odds is None else with_odds
        odds = deciding.odds_of(methods, person, found.account.fees_bp) if with_odds else None
        valued = deciding.Asked(purchase, asked.bought)
        choice, saw = deciding.choose(valued, methods, rows, rules, found, person, is_passed_through=passes, odds=odds)
    else:
        choice = choose(purchase, methods, rows, preference, rules)
    trace = describe(
        choice,
        purchase=purchase,
        preference=preference,
        rules=rules,
        rows=rows,
        rulebook_version=version,
        versions=versions,
        ranked_by=CASH if saw else "",
    )
    if asked.is_online:
        # Rules do not look at it, but a backtest by value does.
        trace["is_online"] = True
    return choice, with_value(trace, saw) if saw else trace


def with_value(trace: dict[str, Any], saw: dict[str, Any]) -> dict[str, Any]:
    """Returns a trace with what strategy value saw, and which candidates' rows are terms of the catalogue."""
    by_terms = {each["card"] for each in saw["cards"] if each["basis"] == holdings.CATALOGUE}
    for candidate in trace["candidates"]:
        if candidate["row_id"] is not None and str(candidate["method_id"]) in by_terms:
            candidate["row_scope"] = "terms"
    return trace | {"strategy": Preference.VALUE.value, "value": saw}
