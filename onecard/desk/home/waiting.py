"""What the home page says of work and money that wait: cases by age and amount, and charges with unknown outcome."""

import datetime as dt
from collections import Counter
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import Case as When
from django.db.models import Count, IntegerField, Min, Sum, Value
from django.db.models import When as Then
from django.urls import reverse
from django.utils.translation import gettext_lazy

from onecard.kit import clock, display
from wallet.models import Case, FundingCharge
from wallet.states import Charge

DAY: Final = dt.timedelta(days=1)
# Younger than the first bound, than the second, and so on; the last group has no bound.
AGES: Final = (
    (gettext_lazy("Under 1 day"), DAY),
    (gettext_lazy("1 to 3 days"), 3 * DAY),
    (gettext_lazy("3 to 7 days"), 7 * DAY),
    (gettext_lazy("Over 7 days"), None),
)


def open_cases() -> dict[str, Any]:
    """Returns the open cases by age, each with its amounts, and by kind; the amounts of currencies are never added."""
    now = clock.now()
    bounds = [
        Then(opened_at__gt=now - bound, then=Value(number)) for number, (_label, bound) in enumerate(AGES) if bound
    ]
    rows = (
        Case.objects.filter(status=Case.Status.OPEN)
        .order_by()
        .annotate(age=When(*bounds, default=Value(len(AGES) - 1), output_field=IntegerField()))
        .values("age", "kind", "currency")
        .annotate(cases=Count("pk"), stake_minor=Sum("amount_minor"))
    )
    found: list[Any] = list(rows)
    return {
        "total": sum(row["cases"] for row in found),
        "ages": [_age(number, [row for row in found if row["age"] == number], now) for number in range(len(AGES))],
        "kinds": _kinds(found),
    }


def unknown_charges() -> dict[str, Any]:
    """Returns how many charges have an unknown outcome, since when the oldest, and their list; through charge_due."""
    unknown = FundingCharge.objects.filter(status=Charge.UNKNOWN)
    found = unknown.aggregate(count=Count("pk"), since=Min("first_sent_at"))
    page = f"{reverse('admin:wallet_fundingcharge_changelist')}?{urlencode({'status__exact': Charge.UNKNOWN})}"
    return {**found, "page": page}


def _age(number: int, rows: list[dict[str, Any]], now: dt.datetime) -> dict[str, Any]:
    label, bound = AGES[number]
    since = {"opened_at__gte": (now - bound).isoformat()} if bound else {}
    younger = AGES[number - 1][1] if number else None
    until = {"opened_at__lt": (now - younger).isoformat()} if younger else {}
    return {"label": label, "page": _list_page(since | until), **_sums(rows)}


def _kinds(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the kinds, those with the most cases first."""
    kinds = {row["kind"] for row in rows}
    found = [
        {
            "label": Case.Kind(kind).label if kind in Case.Kind.values else kind,
            "page": _list_page({"kind__exact": kind}),
            **_sums([row for row in rows if row["kind"] == kind]),
        }
        for kind in kinds
    ]
    return sorted(found, key=lambda each: (-each["count"], each["label"]))


def _sums(rows: list[dict[str, Any]]) -> dict[str, Any]:
    amounts: Counter[str] = Counter()
    for row in rows:
        amounts[row["currency"]] += row["stake_minor"]
    return {
        "count": sum(row["cases"] for row in rows),
        "amounts": [display.money(minor, currency) for currency, minor in sorted(amounts.items()) if minor],
    }


def _list_page(filters: dict[str, str]) -> str:
    return f"{reverse('admin:wallet_case_changelist')}?{urlencode({'status__exact': Case.Status.OPEN, **filters})}"
