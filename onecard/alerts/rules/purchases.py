"""Unusual patterns of all purchases: this hour against the same hours of the past weeks, from the sums of the hours.

People shop by the day of the week and the hour, so an hour is compared with the same hour of the same weekday.
"""

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Q, Sum
from django.urls import reverse
from django.utils.translation import gettext_lazy

from issuing.models import Provider, PurchaseHour
from issuing.operations.control import configured_providers
from onecard.alerts.rule import Condition, Rule
from onecard.alerts.states import Severity
from onecard.kit import clock

HOUR: Final = dt.timedelta(hours=1)
# The sums of the hours are kept up to date for five weeks.
WEEKS: Final = 4
# With fewer purchases a ratio says nothing: 5 more declines would be a jump.
FEWEST: Final = 50
# The share of declines must be twice the usual one, and this much above it: 1 % to 3 % wakes nobody.
JUMP: Final = 0.15
# What counts as usual where the past weeks have fewer than FEWEST purchases.
USUAL_UNKNOWN: Final = 0.15
# Chance moves a share by its standard deviation; four of them happen once in 30 000 hours.
DEVIATIONS: Final = 4
# Nobody shops: under a fifth of what is usual, where at least this many are usual.
DROP_TO: Final = 0.2
FEWEST_USUAL: Final = 20
# A rush: more than three times the busiest of the past weeks, and at least so many.
SURGE: Final = 3
FEWEST_OF_A_SURGE: Final = 100


@dataclass(frozen=True, slots=True)
class Sums:
    """Purchases of one or more hours."""

    purchases: int = 0
    declined: int = 0

    @property
    def share(self) -> float:
        return self.declined / self.purchases if self.purchases else 0.0


def jump_of_declines() -> Iterator[Condition]:
    """The share of declined purchases, of this hour or of this and the last one together."""
    this_hour = _this_hour()
    for provider in configured_providers():
        for hours in (1, 2):
            now = _sums(provider, [this_hour - HOUR * back for back in range(hours)])
            past = _sums(provider, [hour - HOUR * back for hour in _past(this_hour) for back in range(hours)])
            usual = past.share if past.purchases >= FEWEST else USUAL_UNKNOWN
            if _is_jump(now, usual):
                yield Condition(
                    severity=Severity.CRITICAL,
                    summary=f"{Provider(provider).label}: {now.declined} of {now.purchases} purchases since "
                    f"{this_hour - HOUR * (hours - 1):%H:%M} UTC were declined, {now.share:.0%}; usual are "
                    f"{usual:.0%}.",
                    key=provider,
                    page=reverse("admin:index"),
                )
                break


def unusual_volume() -> Iterator[Condition]:
    """How many purchases there are: far fewer than usual, or far more. Quiet without two weeks to compare with."""
    now, this_hour = clock.now(), _this_hour()
    # The beginning of an hour says little about it.
    is_half_over = now - this_hour >= HOUR / 2
    hour = this_hour if is_half_over else this_hour - HOUR
    part = (now - this_hour) / HOUR if is_half_over else 1.0
    for provider in configured_providers():
        past = [each for week in _past(hour) if (each := _sums(provider, [week]).purchases)]
        if len(past) < 2:
            continue
        usual, found = part * sum(past) / len(past), _sums(provider, [hour]).purchases
        words = f"{Provider(provider).label}: {found} purchases since {hour:%H:%M} UTC"
        page = reverse("admin:index")
        if usual >= FEWEST_USUAL and found < DROP_TO * usual:
            summary = f"{words}, where about {usual:.0f} are usual by now."
            yield Condition(severity=Severity.CRITICAL, summary=summary, key=provider, page=page)
        elif found >= FEWEST_OF_A_SURGE and found > SURGE * max(past):
            summary = f"{words}, where at most {max(past)} came in that hour of the past weeks."
            yield Condition(severity=Severity.WARNING, summary=summary, key=provider, page=page)


def _is_jump(now: Sums, usual: float) -> bool:
    if now.purchases < FEWEST:
        return False
    by_chance = DEVIATIONS * math.sqrt(now.purchases * usual * (1 - usual))
    is_clear = now.declined > now.purchases * usual + by_chance
    return is_clear and now.share >= max(2 * usual, usual + JUMP)


def _this_hour() -> dt.datetime:
    return clock.now().replace(minute=0, second=0, microsecond=0)


def _past(hour: dt.datetime) -> list[dt.datetime]:
    return [hour - dt.timedelta(weeks=week) for week in range(1, WEEKS + 1)]


def _sums(provider: str, hours: Sequence[dt.datetime]) -> Sums:
    """Reads some hours by the index of one_sum_of_a_kind_in_an_hour."""
    rows = PurchaseHour.objects.filter(hour_at__in=hours, provider=provider)
    declined = Sum("purchases", filter=~Q(outcome=PurchaseHour.Outcome.APPROVED))
    found = rows.aggregate(of_all=Sum("purchases"), of_declined=declined)
    return Sums(found["of_all"] or 0, found["of_declined"] or 0)


DECLINES: Final = Rule(
    kind="purchase_declines",
    label=gettext_lazy("Far more purchases are declined than usual"),
    to_do=gettext_lazy(
        "Read on the overview for which reason: late answers point at the database, an issuer's reason at its status "
        "page, many at one merchant at fraud."
    ),
    measure=jump_of_declines,
)
VOLUME: Final = Rule(
    kind="purchase_volume",
    label=gettext_lazy("Far fewer or far more purchases than usual"),
    to_do=gettext_lazy(
        "Fewer: see at the issuer that its webhook reaches us, and Health. More: look for one card or merchant in "
        "the list of purchases."
    ),
    measure=unusual_volume,
)
