"""Which of a wallet's cards would pay, asked outside a decision: nothing is stored, nothing is charged."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from django.conf import settings

from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.time_zones import zone_of
from routing import rulebook, strategy
from routing.engine import Choice, Method
from routing.explanation import Explanation, explain
from routing.models import CardSpend, MethodOdds, PersonalRule, SpacePrices
from routing.value.personal_rules import PersonalRules
from routing.valued.person import RULE_COLUMNS, PersonFacts
from wallet.models import Cardholder, CardProduct, FundingMethod, Preference

NOON: Final = dt.time(12)
# Strategy value first: it says what every card earns in money, whichever strategy takes it.
STRATEGIES: Final = (Preference.VALUE, Preference.CASH, Preference.REWARDS)


@dataclass(frozen=True, slots=True)
class Answer:
    """Which card one strategy takes, and why. `earned` is what that card earns in money by its terms, in whole units.

    It is None where no card pays, or one that has neither terms nor a ranking.
    """

    strategy: str
    is_in_force: bool
    choice: Choice
    explanation: Explanation
    earned: Decimal | None
    trace: dict[str, Any]


def rank(
    holder: Cardholder,
    *,
    mcc: str,
    currency: str,
    at: dt.datetime | None = None,
    passes: bool | None = None,
    rules: PersonalRules | None = None,
    with_odds: bool | None = None,
    **more: Any,
) -> tuple[Choice, dict[str, Any]]:
    """Returns the engine's choice from the wallet as it is now, and its trace as a decision would store it.

    `at` is the moment of the purchase in UTC, now if it is not given. `passes` stands in for the switch of the
    processor account, `with_odds` for ROUTING_ODDS, and `rules` for the personal rules, by which it is then decided by
    value; `more` are other fields of `strategy.Asked`. Two queries, one more for an MCC that this process has not seen
    since the rules changed, and three more by value, or four with odds.
    """
    asked = strategy.Asked(mcc, currency, at or clock.now(), holder.time_zone, **more)
    wallet = wallet_of(holder)
    is_by_value = rules is not None or strategy.is_by_value(holder.preference)
    person = person_of(holder, asked.at, with_odds=with_odds) if is_by_value else strategy.NOBODY
    return strategy.route(
        asked,
        [method_of(each) for each in wallet],
        preference=holder.preference if rules is None else Preference.VALUE,
        version=rulebook.current_version(),
        person=person if rules is None else replace(person, rules=rules),
        passes=passes,
        with_odds=with_odds,
    )


def compare(
    asked: strategy.Asked,
    methods: Sequence[Method],
    *,
    in_force: str,
    person: PersonFacts = strategy.NOBODY,
    passes: bool | None = None,
) -> list[Answer]:
    """Returns what each strategy would take for a purchase, with the money and the explanation; nothing is stored.

    `in_force` is the preference that decides today. Two queries, some more for rules that this process has not seen.
    """
    version, amount = rulebook.current_version(), Money(asked.amount_minor, asked.currency)
    answers: list[Answer] = []
    earned: dict[int, Decimal] = {}
    for each in STRATEGIES:
        by_value = each == Preference.VALUE
        choice, trace = strategy.route(
            asked, methods, preference=each, version=version, person=person, passes=passes, by_value=by_value
        )
        explanation = explain(trace, rule=choice.rule, amount=amount)
        if explanation.value is not None:
            earned = {line.method_id: line.earned for line in explanation.value.cards}
        money = earned.get(choice.method.id) if choice.method else None
        is_in_force = by_value if strategy.is_by_value(in_force) else each == in_force
        answers.append(Answer(each, is_in_force, choice, explanation, money, trace))
    return answers


def purchase_on(time_zone: str, day: dt.date | None, **more: Any) -> strategy.Asked:
    """Returns a purchase of this moment, or of noon on another day by the clock of a time zone."""
    now = clock.now()
    if day is not None and day != clock.local_day(now, time_zone):
        now = dt.datetime.combine(day, NOON, zone_of(time_zone)).astimezone(dt.UTC)
    return strategy.Asked(at=now, time_zone=time_zone, **more)


def wallet_of(holder: Cardholder) -> list[FundingMethod]:
    """Returns the person's funding cards in the order of the wallet."""
    return list(holder.funding_methods.select_related("cardholder").order_by("position", "pk"))


def as_if_held(products: Sequence[CardProduct], *, currency: str, behind: Sequence[Method] = ()) -> list[Method]:
    """Returns cards of these products as if they were in a wallet, behind its cards.

    In an empty wallet the first one is the backup. Their ids are below zero: no stored card has one.
    """
    place = max((each.position for each in behind), default=0)
    return [
        Method(
            id=-number, name=product.name, network=product.network, product_id=product.pk, last_four="",
            processor_method_id="", active=True, expiry_year=dt.MAXYEAR, expiry_month=12, cooling_until=None,
            currencies=(currency,), is_backup=number == 1 and not behind, position=place + number,
        )
        for number, product in enumerate(products, start=1)
    ]  # fmt: skip


def person_of(holder: Cardholder, at: dt.datetime, *, with_odds: bool | None = None) -> PersonFacts:
    """Returns what strategy value knows of the person, as a decision reads it; `with_odds` as in `rank`."""
    since = at.date() - dt.timedelta(days=370)
    sums = CardSpend.objects.filter(method__cardholder=holder, starts_on__gt=since)
    kept = SpacePrices.objects.filter(cardholder=holder).first()
    names = ("method_id", "name", "tag", "starts_on", "pending_minor", "posted_minor")
    listed = [(*who, first.isoformat(), pending, posted) for *who, first, pending, posted in sums.values_list(*names)]
    reads_odds = settings.ROUTING_ODDS if with_odds is None else with_odds
    odds = _odds_of(holder) if reads_odds else None
    return PersonFacts.of([holder.point_cents, listed, kept.prices if kept else None, rules_kept(holder), odds])


def _odds_of(holder: Cardholder) -> dict[str, int]:
    rows = MethodOdds.objects.filter(method__cardholder=holder).values_list("method_id", "approved_ppm")
    return {str(method_id): ppm for method_id, ppm in rows}


def rules_kept(holder: Cardholder) -> list[list[Any]]:
    """Returns the person's rules as a decision reads them."""
    found = PersonalRule.objects.filter(cardholder=holder).order_by("position", "pk").values_list(*RULE_COLUMNS)
    return [[each.isoformat() if isinstance(each, dt.date) else each for each in row] for row in found]


def method_of(kept: FundingMethod) -> Method:
    """Returns a funding method as the engine sees it, with its cardholder."""
    return Method(
        id=kept.pk,
        name=kept.name,
        network=kept.network,
        product_id=kept.product_id,
        last_four=kept.last_four,
        processor_method_id=kept.processor_method_id,
        active=kept.status == FundingMethod.Status.ACTIVE,
        expiry_year=kept.expiry_year,
        expiry_month=kept.expiry_month,
        cooling_until=kept.cooling_until,
        currencies=tuple(kept.currencies),
        is_backup=kept.is_backup,
        position=kept.position,
        has_customer=kept.cardholder.processor_customer_id != "",
        statement_day=kept.statement_day,
        opened_on=kept.opened_on,
        activations=kept.activations,
        choices=kept.choices,
    )
