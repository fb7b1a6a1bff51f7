"""Which of a wallet's cards would pay, asked outside a decision: nothing is stored, nothing is charged."""

import datetime as dt
from typing import Any

from onecard.kit import clock
from onecard.kit.clock import local_day
from routing import rulebook
from routing.engine import Choice, Method, Purchase, choose
from routing.trace import describe
from wallet.models import Cardholder, FundingMethod


def rank(
    holder: Cardholder, *, mcc: str, currency: str, at: dt.datetime | None = None
) -> tuple[Choice, dict[str, Any]]:
    """Returns the engine's choice from the wallet as it is now, and its trace as a decision would store it.

    `at` is the moment of the purchase in UTC, now if it is not given. Two queries, and one more for an MCC that this
    process has not seen since the rules changed.
    """
    moment = at or clock.now()
    version = rulebook.current_version()
    rules, rows, versions = rulebook.rules_for(version=version, mcc=mcc)
    purchase = Purchase(mcc, currency, moment, local_day(moment, holder.time_zone))
    wallet = holder.funding_methods.order_by("position", "pk")
    choice = choose(purchase, [method_of(each) for each in wallet], rows, holder.preference, rules)
    trace = describe(
        choice,
        purchase=purchase,
        preference=holder.preference,
        rules=rules,
        rulebook_version=version,
        versions=versions,
    )
    return choice, trace


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
    )
