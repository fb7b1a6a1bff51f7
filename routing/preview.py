"""Which of a wallet's cards would pay, asked outside a decision: nothing is stored, nothing is charged."""

import datetime as dt
from dataclasses import replace
from typing import Any

from onecard.kit import clock
from routing import rulebook, strategy
from routing.engine import Choice, Method
from routing.models import CardSpend, PersonalRule, SpacePrices
from routing.value.personal_rules import PersonalRules
from routing.valued.person import RULE_COLUMNS, PersonFacts
from wallet.models import Cardholder, FundingMethod, Preference


def rank(
    holder: Cardholder,
    *,
    mcc: str,
    currency: str,
    at: dt.datetime | None = None,
    passes: bool | None = None,
    rules: PersonalRules | None = None,
    **more: Any,
) -> tuple[Choice, dict[str, Any]]:
    """Returns the engine's choice from the wallet as it is now, and its trace as a decision would store it.

    `at` is the moment of the purchase in UTC, now if it is not given. `passes` stands in for the switch of the
    processor account, and `rules` for the personal rules, by which it is then decided by value; `more` are other fields
    of `strategy.Asked`. Two queries, one more for an MCC that this process has not seen since the rules changed, and
    three more by value.
    """
    asked = strategy.Asked(mcc, currency, at or clock.now(), holder.time_zone, **more)
    wallet = list(holder.funding_methods.select_related("cardholder").order_by("position", "pk"))
    is_by_value = rules is not None or strategy.is_by_value(holder.preference)
    person = person_of(holder, asked.at) if is_by_value else strategy.NOBODY
    return strategy.route(
        asked,
        [method_of(each) for each in wallet],
        preference=holder.preference if rules is None else Preference.VALUE,
        version=rulebook.current_version(),
        person=person if rules is None else replace(person, rules=rules),
        passes=passes,
    )


def person_of(holder: Cardholder, at: dt.datetime) -> PersonFacts:
    """Returns what strategy value knows of the person, as a decision reads it."""
    since = at.date() - dt.timedelta(days=370)
    sums = CardSpend.objects.filter(method__cardholder=holder, starts_on__gt=since)
    kept = SpacePrices.objects.filter(cardholder=holder).first()
    names = ("method_id", "name", "tag", "starts_on", "pending_minor", "posted_minor")
    listed = [(*who, first.isoformat(), pending, posted) for *who, first, pending, posted in sums.values_list(*names)]
    return PersonFacts.of([holder.point_cents, listed, kept.prices if kept else None, rules_kept(holder)])


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
