"""The rewards book summed up by month, funding card or merchant category. Reads only."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.db.models import Count, Max, Q, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing.models import RewardEntry
from onecard.kit import display
from onecard.kit.separators import localised
from routing.models import RewardType

# What names a group, and what its label is made of.
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "month": ("local_month", ()),
    "method": ("method", ("method__name", "method__last_four")),
    "category": ("mcc", ()),
}
NOT_RANKED = gettext_lazy("Not ranked")


@dataclass(frozen=True, slots=True)
class Earned:
    """Units of one programme, such as 135 points of Citi Double Cash; negative when refunds took more back.

    A unit of cash back is a hundredth of the currency unit (routing/rewards.py).
    """

    programme: str
    reward_type: str
    units: Decimal
    currency: str

    def __str__(self) -> str:
        return units_in_words(self.units, self.reward_type, self.currency)


@dataclass(frozen=True, slots=True)
class RewardValue:
    """The value of rewards in one currency, less what refunds took back.

    `spent_minor` is in minor units; `low`, `face`, `high` and `baseline` are exact amounts in whole units.
    """

    charges: int
    spent_minor: int
    low: Decimal
    face: Decimal
    high: Decimal
    baseline: Decimal

    @property
    def benefit(self) -> Decimal:
        """The value at one cent a point, less what the same money earns at one point a unit."""
        return self.face - self.baseline

    @property
    def benefit_percent(self) -> Decimal | None:
        """None where there is no baseline to compare with, such as a month in which only refunds came."""
        return self.benefit / self.baseline * 100 if self.baseline > 0 else None

    def __add__(self, other: "RewardValue") -> "RewardValue":
        return RewardValue(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(RewardValue)))


@dataclass(frozen=True, slots=True)
class Total:
    """One group in one currency: currencies are never added up."""

    key: str
    label: str
    currency: str
    earned: tuple[Earned, ...]
    value: RewardValue


def totals(
    *, by: str, cardholder: str | None = None, since: dt.date | None = None, until: dt.date | None = None
) -> list[Total]:
    """Sums of the book's entries by "month", "method" or "category", from one statement.

    `cardholder` is a login name; `since` and `until` are months, both included. The newest month comes first; cards and
    categories come by their value at one cent a point, highest first. A month is that of the cardholder's time zone,
    and a refund counts in the month in which it finished.
    """
    found = _groups(by, _chosen(cardholder, since, until))
    return sorted(found, key=_newest_first if by == "month" else _best_first)


def best_cards(
    *,
    first: int,
    count: int,
    cardholder: str | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
) -> tuple[list[Total], bool]:
    """Returns `count` of the totals by card, from number `first` on (0 is the best), and whether more follow.

    The database ranks the cards, of which there may be very many; only those that are shown are read.
    """
    rows = _chosen(cardholder, since, until)
    ranked = rows.values("method", "currency").annotate(face=Sum("value_face_micro"))
    keys = list(ranked.order_by("currency", "-face", "method").values_list("method", "currency")[first:][: count + 1])
    shown = set(keys[:count])
    groups = _groups("method", rows.filter(method__in={method for method, _currency in shown}))
    places = {(str(method), currency): place for place, (method, currency) in enumerate(keys)}
    found = [total for total in groups if (int(total.key), total.currency) in shown]
    return sorted(found, key=lambda total: places[total.key, total.currency]), len(keys) > count


def overall_of(
    *, cardholder: str | None = None, since: dt.date | None = None, until: dt.date | None = None
) -> dict[str, RewardValue]:
    """Returns the sum of all entries for each currency, in the order of their codes."""
    summed: Any = _chosen(cardholder, since, until).order_by("currency").values("currency").annotate(**_sums())
    return {row["currency"]: _value([row]) for row in summed}


def units_in_words(units: Decimal, reward_type: str, currency: str) -> str:
    """135 points, 90 miles, 0.90 USD cash back; what earns at a base rate without a name counts as points."""
    if reward_type == RewardType.CASH:
        return _("%(amount)s cash back") % {"amount": display.estimate(units / 100, currency)}
    if not reward_type:
        return str(NOT_RANKED)
    words = _("%(count)s miles") if reward_type == RewardType.MILES else _("%(count)s points")
    return words % {"count": localised(f"{round(units, 2).normalize():,f}")}


def overall(found: Iterable[Total]) -> dict[str, RewardValue]:
    """Returns the sum of the groups for each currency, in the order of their codes."""
    sums: dict[str, RewardValue] = {}
    for total in sorted(found, key=lambda each: each.currency):
        sums[total.currency] = sums[total.currency] + total.value if total.currency in sums else total.value
    return sums


def _groups(by: str, chosen: QuerySet[RewardEntry]) -> list[Total]:
    key, labels = GROUPS[by]
    rows = chosen.order_by(key, "currency", "programme", "reward_type")
    summed = rows.values(key, *labels, "currency", "programme", "reward_type").annotate(
        category_name=Max("category"), units=Sum("units_micro"), **_sums()
    )
    groups = groupby(summed, key=lambda row: (row[key], row["currency"]))
    return [_total(by, name, currency, list(rows)) for (name, currency), rows in groups]


def _sums() -> dict[str, Any]:
    return {
        "charges": Count("pk", filter=Q(kind=RewardEntry.Kind.CHARGE)),
        "paid": Sum("amount_minor", filter=~Q(kind=RewardEntry.Kind.REFUND), default=0),
        "returned": Sum("amount_minor", filter=Q(kind=RewardEntry.Kind.REFUND), default=0),
        "low": Sum("value_low_micro"),
        "face": Sum("value_face_micro"),
        "high": Sum("value_high_micro"),
        "baseline": Sum("baseline_micro"),
    }


def _value(rows: list[dict[str, Any]]) -> RewardValue:
    return RewardValue(
        charges=sum(row["charges"] for row in rows),
        spent_minor=int(sum(row["paid"] - row["returned"] for row in rows)),
        **{each: _whole(sum(row[each] for row in rows)) for each in ("low", "face", "high", "baseline")},
    )


def _chosen(cardholder: str | None, since: dt.date | None, until: dt.date | None) -> QuerySet[RewardEntry]:
    rows = RewardEntry.objects.all()
    if cardholder is not None:
        rows = rows.filter(method__cardholder__user__username=cardholder)
    if since is not None:
        rows = rows.filter(local_month__gte=since.replace(day=1))
    return rows if until is None else rows.filter(local_month__lte=until)


def _total(by: str, name: Any, currency: str, rows: list[dict[str, Any]]) -> Total:
    earned = tuple(Earned(row["programme"], row["reward_type"], _whole(row["units"]), currency) for row in rows)
    return Total(_key(name), _label(by, name, rows), currency, earned, _value(rows))


def _key(name: Any) -> str:
    return f"{name:%Y-%m}" if isinstance(name, dt.date) else str(name)


def _label(by: str, name: Any, rows: list[dict[str, Any]]) -> str:
    if by == "method":
        return f"{rows[0]['method__name']} •••• {rows[0]['method__last_four']}"
    if by == "category":
        return f"{name or 'No MCC'} {max(row['category_name'] for row in rows)}".strip()
    return _key(name)


def _whole(micro: Any) -> Decimal:
    return Decimal(int(micro)).scaleb(-6)


def _newest_first(total: Total) -> tuple[Any, ...]:
    year, month = total.key.split("-")
    return -int(year), -int(month), total.currency


def _best_first(total: Total) -> tuple[Any, ...]:
    return total.currency, -total.value.face, total.label
