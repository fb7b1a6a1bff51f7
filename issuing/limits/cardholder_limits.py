"""A card's limits as its holder sees them: what is spent and left of each, when it renews, and its ceiling."""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings

from issuing.issuers.base import Limits
from issuing.limits.windows import day_window, month_window
from issuing.models import SpendWindow, VirtualCard
from onecard.kit import clock
from onecard.kit.clock import local_day
from onecard.kit.money import Money
from wallet import reference_rates

FIELDS = ("per_transaction_minor", "daily_minor", "monthly_minor")
# As in issuing_open_window (issuing/sql/open_window.sql): a window that follows a longer one lasts one more.
OVERLAPS = {SpendWindow.Kind.DAY: dt.timedelta(hours=12), SpendWindow.Kind.MONTH: dt.timedelta(days=14)}


@dataclass(frozen=True, slots=True)
class Usage:
    """What counts in a card's open day or month, in minor units, and when a new one begins."""

    spent_minor: int
    renews_at: dt.datetime


@dataclass(frozen=True, slots=True)
class LimitLeft:
    """One limit: its kind (purchase, day or month), its amount, what is left of it, and when it renews, in UTC.

    The limit for one purchase never renews, and nothing is `spent` of it; what is left of it is what one purchase may
    cost now.
    """

    kind: str
    limit: Money
    left: Money
    renews_at: dt.datetime | None
    spent: Money | None = None


def limits_left(card: VirtualCard) -> list[LimitLeft]:
    """Returns the limits for one purchase, a day and a month, as the next decision counts them."""
    day = _left(card, SpendWindow.Kind.DAY, card.daily_limit_minor)
    month = _left(card, SpendWindow.Kind.MONTH, card.monthly_limit_minor)
    most_minor = min(card.per_transaction_limit_minor, day.left.minor, month.left.minor)
    limit = Money(card.per_transaction_limit_minor, card.currency)
    return [LimitLeft("purchase", limit, Money(most_minor, card.currency), None), day, month]


def limits_of(card: VirtualCard) -> Limits:
    """Returns the card's limits."""
    amounts = (card.per_transaction_limit_minor, card.daily_limit_minor, card.monthly_limit_minor)
    return Limits(*amounts, currency=card.currency)


def why_out_of_order(limits: Limits) -> str:
    """Returns a sentence for limits of which a smaller time allows more than a larger one, or ""."""
    if limits.per_transaction_minor <= limits.daily_minor <= limits.monthly_minor:
        return ""
    return "The limit for one purchase cannot exceed the day's, nor the day's the month's."


def ceilings_of(card: VirtualCard) -> Limits:
    """Returns the highest limits that its holder may set; where staff gave more, what they gave is the highest."""
    now, given = limits_of(card), dict(zip(FIELDS, settings.CARD_LIMIT_CEILINGS, strict=True))
    most = {name: max(_in_currency(cents, card.currency), getattr(now, name)) for name, cents in given.items()}
    return Limits(**most, currency=card.currency)


def usage_of(card: VirtualCard, kind: str) -> Usage:
    """Returns how the card's day or month stands now; reads only."""
    now, zone = clock.now(), card.cardholder.time_zone
    today = local_day(now, zone)
    is_day = kind == SpendWindow.Kind.DAY
    windows = SpendWindow.objects.filter(card=card, kind=kind)
    opened = windows.filter(starts_at__lte=now, ends_at__gt=now).order_by("-starts_at").first()
    if opened is not None:
        return Usage(opened.spent_minor, opened.ends_at)
    window = day_window(today, zone) if is_day else month_window(today, zone)
    last = windows.filter(ends_at__lte=now).order_by("-ends_at").values_list("ends_at", flat=True).first()
    if last is None or last <= window.ends_at - OVERLAPS[SpendWindow.Kind(kind)]:
        return Usage(0, window.ends_at)
    return Usage(0, window.longer_ends_at)


def _left(card: VirtualCard, kind: str, limit_minor: int) -> LimitLeft:
    usage = usage_of(card, kind)
    left = Money(max(0, limit_minor - usage.spent_minor), card.currency)
    spent = Money(usage.spent_minor, card.currency)
    return LimitLeft(str(kind), Money(limit_minor, card.currency), left, usage.renews_at, spent)


def _in_currency(cents: int, currency: str) -> int:
    money = reference_rates.from_dollars(cents, currency)
    return money.minor if money is not None else cents
