"""Our balances at the issuers: read by the clock, and judged against what purchases need (decision 0054).

An issuer that pays purchases from a balance declines them when it is empty, and asks us nothing. So a balance is low
below a mark: the setting's amount, or what so many days of approvals took lately, whichever is more.
"""

import datetime as dt
import logging
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.db.models import Min, Sum

from issuing.issuers.balances import BalanceThere
from issuing.issuers.base import IssuerError
from issuing.issuers.registry import issuer_for
from issuing.models import IssuerBalance, PurchaseHour
from issuing.operations.control import configured_providers
from onecard.kit import clock

log = logging.getLogger(__name__)

HOUR: Final = dt.timedelta(hours=1)
# Weekends and weekdays alike.
SPEND_OF: Final = dt.timedelta(days=7)
# It is read every five minutes.
STALE_AFTER: Final = dt.timedelta(minutes=30)
# A currency that was not read for so long is no balance of ours any more.
FORGOTTEN_AFTER: Final = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceStatus:
    """The last reading of a balance. `low_minor` is its mark, 0 for none; `daily_minor` is what a day takes lately."""

    provider: str
    currency: str
    available_minor: int
    pays_purchases: bool
    read_at: dt.datetime
    low_minor: int
    daily_minor: int

    @property
    def is_low(self) -> bool:
        return self.pays_purchases and (self.available_minor <= 0 or self.available_minor < self.low_minor)

    @property
    def is_stale(self) -> bool:
        return clock.now() - self.read_at > STALE_AFTER

    @property
    def days_left(self) -> float | None:
        """How many days it lasts at that pace; None when nothing is spent."""
        return max(0, self.available_minor) / self.daily_minor if self.daily_minor else None


def read_all() -> None:
    """Reads the balances at every configured issuer; one that gives no answer keeps its last reading."""
    for provider in configured_providers():
        try:
            _read(provider)
        except IssuerError as error:
            log.warning("Our balance at %s was not read: %s", provider, error.message)


def current() -> list[BalanceStatus]:
    """Returns the newest reading of each balance: a few rows by index, and sums of hours."""
    newest = IssuerBalance.objects.filter(hour_at__gt=clock.now() - FORGOTTEN_AFTER)
    rows = newest.order_by("provider", "currency", "-hour_at").distinct("provider", "currency")
    return [_status_of(row) for row in rows]


def _read(provider: str) -> None:
    issuer = issuer_for(provider)
    now = clock.now()
    for balance in issuer.get_balances():
        _keep(provider, balance, now, pays_purchases=issuer.pays_from_balance)


def _keep(provider: str, balance: BalanceThere, now: dt.datetime, *, pays_purchases: bool) -> None:
    IssuerBalance.objects.update_or_create(
        provider=provider,
        currency=balance.currency,
        hour_at=now.replace(minute=0, second=0, microsecond=0),
        defaults={"available_minor": balance.available_minor, "pays_purchases": pays_purchases, "read_at": now},
    )


def _status_of(row: IssuerBalance) -> BalanceStatus:
    daily = _daily_spend(row.provider, row.currency) if row.pays_purchases else 0
    mark = max(settings.ISSUER_BALANCE_LOW.get(row.currency, 0), settings.ISSUER_BALANCE_LOW_DAYS * daily)
    return BalanceStatus(
        provider=row.provider,
        currency=row.currency,
        available_minor=row.available_minor,
        pays_purchases=row.pays_purchases,
        read_at=row.read_at,
        low_minor=mark if row.pays_purchases else 0,
        daily_minor=daily,
    )


def _daily_spend(provider: str, currency: str) -> int:
    """Returns what a day's approvals come to: of a week, or of the days since the first approval in it."""
    now = clock.now()
    found = PurchaseHour.objects.filter(
        hour_at__gt=now - SPEND_OF, provider=provider, currency=currency, outcome=PurchaseHour.Outcome.APPROVED
    ).aggregate(first=Min("hour_at"), minor=Sum("amount_minor"))
    if not found["minor"]:
        return 0
    days = max(1.0, (now - found["first"]) / dt.timedelta(days=1))
    return int(found["minor"] / days)
