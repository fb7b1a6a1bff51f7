"""What is left of a card's limits, and when each renews: for the person who asks before they buy."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from issuing.limits.windows import Window, day_window, month_window
from issuing.models import SpendWindow, VirtualCard
from onecard.kit import clock
from onecard.kit.clock import local_day
from onecard.kit.money import Money

PURCHASE: Final = "purchase"


@dataclass(frozen=True, slots=True)
class LimitLeft:
    """One limit: its kind (purchase, day or month), its amount, what is left of it, and when it renews, in UTC.

    The limit for one purchase never renews; what is left of it is what one purchase may cost now.
    """

    kind: str
    limit: Money
    left: Money
    renews_at: dt.datetime | None


def limits_left(card: VirtualCard) -> list[LimitLeft]:
    """Returns the limits for one purchase, a day and a month, from one query; reads `card.cardholder` as well.

    A window that a purchase has opened keeps its end (money-safety I16). Before the first purchase of a day or month
    the calendar of the cardholder's zone gives the end.
    """
    now = clock.now()
    rows = SpendWindow.objects.filter(card=card, starts_at__lte=now, ends_at__gt=now).order_by("starts_at")
    open_now = {row.kind: row for row in rows}
    zone = card.cardholder.time_zone
    today = local_day(now, zone)
    day = _left(card, "day", card.daily_limit_minor, open_now, day_window(today, zone))
    month = _left(card, "month", card.monthly_limit_minor, open_now, month_window(today, zone))
    most_minor = min(card.per_transaction_limit_minor, day.left.minor, month.left.minor)
    limit = Money(card.per_transaction_limit_minor, card.currency)
    return [LimitLeft(PURCHASE, limit, Money(most_minor, card.currency), None), day, month]


def _left(
    card: VirtualCard, kind: str, limit_minor: int, open_now: dict[str, SpendWindow], calendar: Window
) -> LimitLeft:
    window = open_now.get(kind)
    left_minor = max(0, limit_minor - (window.spent_minor if window else 0))
    ends_at = window.ends_at if window else calendar.ends_at
    return LimitLeft(kind, Money(limit_minor, card.currency), Money(left_minor, card.currency), ends_at)
