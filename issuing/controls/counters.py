"""Raises and gives back the counters of controls outside a decision: for reversals, expiries, and unasked approvals."""

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import F

from issuing.controls import compiled, velocity
from issuing.controls.attributes import Holder, is_cash, of_parts
from issuing.controls.definition import LONGEST_TRAILING_S
from issuing.controls.evaluation import Demand, evaluate
from issuing.issuers.messages import NO_SIGNALS, Merchant
from issuing.models import Authorization, Hold, VelocityCounter, VelocityEntry, VirtualCard

OF_CARD = f"SELECT {compiled.OF_CARD} FROM issuing_virtualcard c WHERE c.id = %s"  # noqa: S608  (a constant)
BATCH = 5_000
OPEN = "SELECT id FROM issuing_open_counter(%s, %s, %s, %s::jsonb)"


@dataclass(frozen=True, slots=True)
class Counted:
    """The counters that an amount was counted in, and how many purchases it was for them: 0 or 1."""

    ids: list[int] = field(default_factory=list)
    purchases: int = 0


def lock_of(purchase: Authorization) -> None:
    """Locks all counters that the purchase was counted in, in the order in which everybody locks them."""
    holds = Hold.objects.filter(authorization=purchase).exclude(counter_ids=[])
    ids = {each for counter_ids in holds.values_list("counter_ids", flat=True) for each in counter_ids}
    if ids:
        locked = VelocityCounter.objects.select_for_update(no_key=True).filter(pk__in=ids)
        list(locked.order_by("version_id", "subject_id", "starts_at").values_list("pk"))


def give_back(hold: Hold, amount_minor: int, *, purchases: int) -> None:
    """Gives an amount of a hold, and so many purchases, back to the counters that it was counted in."""
    if not hold.counter_ids:
        return
    less = {"spent_minor": F("spent_minor") - amount_minor, "count": F("count") - purchases}
    VelocityCounter.objects.filter(pk__in=hold.counter_ids).update(**less)
    entries = VelocityEntry.objects.filter(
        counter_id__in=hold.counter_ids, authorization_id=hold.authorization_id, counted_at=hold.placed_at
    )
    entries.update(amount_minor=F("amount_minor") - amount_minor, count=F("count") - purchases)


def count(purchase: Authorization, amount_minor: int, *, now: dt.datetime, is_purchase: bool) -> Counted:
    """Counts what nobody asked us for, over a limit as well.

    It counts where the purchase counted first, else where the controls in force count it now.
    """
    first = Hold.objects.filter(authorization=purchase).order_by("pk").first()
    if first is not None:
        return _count(purchase, first.counter_ids, amount_minor, now, purchases=0)
    return _count(purchase, _open_now(purchase, amount_minor, now), amount_minor, now, purchases=int(is_purchase))


def forget_old(*, now: dt.datetime) -> int:
    """Deletes the entries that no trailing window holds any more; returns how many. They are in the order of time."""
    limit, total = now - dt.timedelta(seconds=LONGEST_TRAILING_S), 0
    while True:
        oldest = VelocityEntry.objects.order_by("pk").values_list("pk", "counted_at")[:BATCH]
        old = [pk for pk, counted_at in oldest if counted_at < limit]
        if not old:
            return total
        total += VelocityEntry.objects.filter(pk__in=old).delete()[0]


def _count(purchase: Authorization, ids: list[int], amount_minor: int, now: dt.datetime, *, purchases: int) -> Counted:
    if not ids:
        return Counted()
    counters = VelocityCounter.objects.filter(pk__in=ids)
    counters.update(spent_minor=F("spent_minor") + amount_minor, count=F("count") + purchases)
    trailing = counters.filter(ends_at=velocity.EVER.ends_at, version__definition__velocity__window="trailing")
    VelocityEntry.objects.bulk_create(
        VelocityEntry(
            counter_id=each,
            authorization_id=purchase.pk,
            counted_at=now,
            amount_minor=amount_minor,
            count=purchases,
        )
        for each in trailing.values_list("pk", flat=True)
    )
    return Counted(list(ids), purchases)


def _open_now(purchase: Authorization, amount_minor: int, now: dt.datetime) -> list[int]:
    if purchase.card_id is None:
        return []
    card = VirtualCard.objects.select_related("cardholder").get(pk=purchase.card_id)
    wanted = velocity.as_json(_demands(purchase, card, amount_minor, now), now=now, time_zone=card.cardholder.time_zone)
    with connection.cursor() as cursor:
        return [_open(cursor, each, now) for each in wanted]


def _open(cursor: Any, wanted: dict[str, Any], now: dt.datetime) -> int:
    cursor.execute(OPEN, [wanted["version"], wanted["subject"], now, json.dumps(wanted["bounds"])])
    return int(cursor.fetchone()[0])


def _demands(purchase: Authorization, card: VirtualCard, amount_minor: int, now: dt.datetime) -> tuple[Demand, ...]:
    """Returns the counters of the controls in force. What only a request says of a purchase is unknown here."""
    with connection.cursor() as cursor:
        cursor.execute(OF_CARD, [card.pk])
        own = compiled.of_text(cursor.fetchone()[0])
    attributes = of_parts(
        holder_of(card),
        merchant=merchant_of(purchase),
        billing_currency=purchase.currency,
        merchant_currency=purchase.merchant_currency,
        is_cash=is_cash(purchase.mcc, purchase.cash_minor),
        purchase_minor=amount_minor,
        amount_minor=purchase.approved_minor,
        signals=NO_SIGNALS,
        now=now,
    )
    return evaluate((*compiled.current(), *own), attributes).demands


def holder_of(card: VirtualCard) -> Holder:
    """Returns what controls can look at of a card and its cardholder, from their rows."""
    flags = {*map(str, card.compliance_flags or []), *map(str, card.cardholder.compliance_flags or [])}
    return Holder(
        card_id=card.pk,
        cardholder_id=card.cardholder_id,
        currency=card.currency,
        card_created_at=card.created_at,
        kyc_state=card.cardholder.kyc_status,
        kyc_due_at=card.cardholder.kyc_due_at,
        compliance_flags=frozenset(flags),
    )


def merchant_of(purchase: Authorization) -> Merchant:
    """Returns the merchant of a stored purchase."""
    return Merchant(
        mcc=purchase.mcc,
        name=purchase.merchant_name,
        category=purchase.merchant_category,
        city=purchase.merchant_city,
        country=purchase.merchant_country,
        network_id=purchase.merchant_network_id,
    )
