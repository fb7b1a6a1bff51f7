"""How all funding cards of all people stand, counted by the states of condition.py; for lists and sums over everybody.

The day is UTC's, where a single card goes by its owner's: around midnight at the end of a month a card may differ.
"""

import datetime as dt
from typing import Final

from django.db.models import Case, CharField, Count, Exists, OuterRef, Q, Value, When

from wallet.methods.condition import SOON
from wallet.models import FundingMethod

Status = FundingMethod.Status
CAN_PAY: Final = ("active", "expiring")
CANNOT_PAY: Final = ("cooling", "expired", "disabled", "detached")


def counts(now: dt.datetime) -> dict[str, int]:
    """Returns how many cards are in each state; it reads all funding cards."""
    rows = FundingMethod.objects.annotate(state=_state(now)).order_by().values_list("state").annotate(count=Count("pk"))
    return dict(rows)


def holders_with(state: str, now: dt.datetime) -> Q:
    """Returns the condition of people who have a card in this state."""
    mine = FundingMethod.objects.filter(cardholder=OuterRef("pk")).alias(state=_state(now))
    return Q(Exists(mine.filter(state=state)))


def can_pay(holder: OuterRef, now: dt.datetime) -> Exists:
    """Returns the condition that a person has a card that can pay now."""
    return Exists(FundingMethod.objects.filter(cardholder=holder).alias(state=_state(now)).filter(state__in=CAN_PAY))


def _state(now: dt.datetime) -> Case:
    """As condition._state, in the same order."""
    today = now.astimezone(dt.UTC).date()
    is_expired = Q(expiry_year__lt=today.year) | Q(expiry_year=today.year, expiry_month__lt=today.month)
    is_expiring = Q()
    for year, month in _months_that_end_by(today + SOON, today):
        is_expiring |= Q(expiry_year=year, expiry_month=month)
    whens = [
        When(detachment__isnull=False, then=Value("removed")),
        When(Q(status=Status.DETACHED) | Q(cardholder__processor_customer_id=""), then=Value("detached")),
        When(is_expired, then=Value("expired")),
        When(status=Status.DISABLED, then=Value("disabled")),
        When(cooling_until__gt=now, then=Value("cooling")),
    ]
    if is_expiring:
        whens.append(When(is_expiring, then=Value("expiring")))
    return Case(*whens, default=Value("active"), output_field=CharField())


def _months_that_end_by(latest: dt.date, today: dt.date) -> list[tuple[int, int]]:
    """Returns the months from this one on whose last day is not after `latest`."""
    found, year, month = [], today.year, today.month
    while (first := _after(year, month)) - dt.timedelta(days=1) <= latest:
        found.append((year, month))
        year, month = first.year, first.month
    return found


def _after(year: int, month: int) -> dt.date:
    """Returns the first day of the next month."""
    return dt.date(year + month // 12, month % 12 + 1, 1)
