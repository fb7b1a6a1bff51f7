"""Stored decisions as they can be decided again, newest first, a batch at a time. Only reads."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q, QuerySet

from issuing.models import Decision
from onecard.kit.money import Money, MoneyError, currency_exponent
from wallet.models import FundingMethod, Preference
from wallet.references import Subject

# What a choice of the funding card made: not what was declined for another reason.
CHOSEN: Final = Q(approved=True) | Q(decline_reason="no_funding_card")
COLUMNS: Final = (
    "pk", "authorization_id", "authorization__merchant_name", "authorization__merchant_country", "authorization__mcc",
    "authorization__card__cardholder_id", "amount_minor", "from_balance_minor", "currency", "decided_at", "trace",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """What a decision's row and its purchase say; `paid` is the amount that a funding card paid or would have paid."""

    id: int
    reference: str
    merchant_name: str
    mcc: str
    decided_at: dt.datetime
    paid: Money
    trace: dict[str, Any]
    merchant_country: str = ""
    cardholder_id: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Some decisions; `looked_at` of them were read, down to the id `oldest_id`, or none was left (None)."""

    decisions: list[StoredDecision]
    looked_at: int
    oldest_id: int | None
    oldest_at: dt.datetime | None


def read_batch(
    *,
    below: int | None,
    since: dt.datetime,
    until: dt.datetime,
    mccs: Collection[str],
    size: int,
    all_by_value: bool = False,
) -> Batch:
    """Reads the next decisions below an id (None: from the newest), and of them those at these MCCs in the period.

    With `all_by_value` those that strategy value decided are read at every MCC, since terms know no MCC. It leaves out
    what rankings cannot change: declines for other reasons than a missing card, approvals that were taken back, and
    purchases for which no funding card pays.
    """
    all_of_them = Decision.objects.filter(decided_at__lt=until).order_by("-pk")
    if below is not None:
        all_of_them = all_of_them.filter(pk__lt=below)
    looked_at = list(all_of_them.values_list("pk", "decided_at")[:size])
    inside = [pk for pk, decided_at in looked_at if decided_at >= since]
    if not inside:
        return Batch([], 0, None, None)
    concerned = Q(authorization__mcc__in=mccs)
    if all_by_value:
        concerned |= Q(trace__strategy=Preference.VALUE.value)
    rows = Decision.objects.filter(CHOSEN, concerned, pk__in=inside, corrected_by__isnull=True)
    found = stored_decisions(rows.order_by("-pk"))
    done = len(inside) < len(looked_at)
    last_id, last_at = looked_at[len(inside) - 1]
    return Batch(found, len(inside), None if done else last_id, last_at)


def stored_decisions(rows: QuerySet[Decision]) -> list[StoredDecision]:
    """Returns what these decisions say, in their order, without those for which no funding card pays."""
    found = [_stored(row) for row in rows.values(*COLUMNS) if _is_money(row["currency"])]
    return [each for each in found if each.paid.minor > 0]


def product_ids(decisions: Collection[StoredDecision]) -> dict[int, int | None]:
    """Returns the products of the funding methods that these decisions saw, as they are now."""
    ids = {
        candidate["method_id"]
        for decision in decisions
        for candidate in decision.trace.get("candidates") or []
        if isinstance(candidate, dict) and isinstance(candidate.get("method_id"), int)
    }
    return dict(FundingMethod.objects.filter(pk__in=ids).values_list("pk", "product_id"))


def _stored(row: dict[str, Any]) -> StoredDecision:
    trace = row["trace"] if isinstance(row["trace"], dict) else {}
    return StoredDecision(
        id=row["pk"],
        reference=Subject.PURCHASE.reference(row["authorization_id"]),
        merchant_name=row["authorization__merchant_name"],
        mcc=row["authorization__mcc"],
        decided_at=row["decided_at"],
        paid=Money(row["amount_minor"] - row["from_balance_minor"], row["currency"]),
        trace=trace,
        merchant_country=row["authorization__merchant_country"],
        cardholder_id=row["authorization__card__cardholder_id"],
    )


def _is_money(currency: str) -> bool:
    try:
        currency_exponent(currency)
    except MoneyError:
        return False
    return True
