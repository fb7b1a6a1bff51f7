"""What a personal rule would do, before it takes effect: to one purchase, and to those of the last days. Only reads.

Both sides are decided by value, since rules count there; they differ in the rule alone.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from issuing.backtest import people
from issuing.backtest.money import Backtest, Changed, compare
from issuing.backtest.sides import Rules, Side
from onecard.kit import clock
from onecard.kit.money import Money
from routing import personal_rules, strategy, worlds
from routing.explanation import Explanation, explain
from routing.models import PersonalRule
from routing.value.personal_rules import PersonalRule as Rule
from routing.value.personal_rules import PersonalRules
from wallet.models import Cardholder, Preference

MOST_LISTED: Final = 20


@dataclass(frozen=True, slots=True)
class Bought:
    """A purchase that a rule is tried on."""

    mcc: str
    merchant: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Trial:
    """Of the last days, what would have changed; of one purchase, the choice without the rule and with it, if asked."""

    past: Backtest
    without: Explanation | None
    with_rule: Explanation | None

    @property
    def another_card_pays(self) -> bool:
        return _payer(self.without) != _payer(self.with_rule)


def try_rule(
    holder: Cardholder,
    *,
    values: Mapping[str, Any],
    days: int,
    instead_of: PersonalRule | None = None,
    place: int | None = None,
    bought: Bought | None = None,
) -> Trial:
    """Tries a rule as `personal_rules.with_tried` takes it. Raises RuleRefusedError."""
    tried = personal_rules.with_tried(holder, values=values, instead_of=instead_of, place=place)
    past = _over(holder, tried, clock.now() - dt.timedelta(days=days))
    if bought is None:
        return Trial(past, None, None)
    now = personal_rules.as_engine(personal_rules.rules_of_person(holder))
    return Trial(past, _explained(holder, now, bought), _explained(holder, tried, bought))


def _over(holder: Cardholder, tried: tuple[Rule, ...], since: dt.datetime) -> Backtest:
    found = Backtest()
    person = people.person_of(holder, since=since, until=clock.now())
    if person is None:
        return found
    rules = Rules(worlds.published(), Preference.VALUE.value, strategy.is_passed_through())
    with_rule = replace(person, rules=PersonalRules(tried, {}))
    sides = Side.of(rules, person, since), Side.of(rules, with_rule, since)
    found.largest = sorted(compare(person.purchases, *sides, found), key=_size, reverse=True)[:MOST_LISTED]
    return found


def _size(changed: Changed) -> tuple[bool, int, int]:
    is_another = changed.before.payer != changed.after.payer
    return is_another, abs(changed.difference_micro), changed.decision.id


def _explained(holder: Cardholder, rules: tuple[Rule, ...], bought: Bought) -> Explanation:
    choice, trace = personal_rules.rank_by(
        holder, rules, mcc=bought.mcc, currency=bought.amount.currency, merchant=bought.merchant,
        amount_minor=bought.amount.minor,
    )  # fmt: skip
    return explain(trace, rule=choice.rule, amount=bought.amount)


def _payer(found: Explanation | None) -> int | None:
    return found.chosen.method_id if found is not None and found.chosen is not None else None
