"""The home page's chart of purchases: approved, declined by us and by the issuer over time, and the reasons.

It reads the hourly sums alone (issuing/operations/hourly_sums.py). Each number links to the purchases that it counts.
"""

import datetime as dt
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from issuing.admin import decline_labels
from issuing.models import PurchaseHour
from onecard.desk.home.periods import Period, Slot
from onecard.kit import display

Outcome = PurchaseHour.Outcome
WIDTH: Final = 720
HEIGHT: Final = 160
SPARK_WIDTH: Final = 120
SPARK_HEIGHT: Final = 24
GAP: Final = 2


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of an SVG, with the words for a pointer that rests on it."""

    x: float
    y: float
    width: float
    height: float
    outcome: str
    title: str


def section(period: Period, slots: list[Slot]) -> dict[str, Any]:
    """Returns the chart with its table, and the reasons of declines with their counts, amounts and courses."""
    rows = list(PurchaseHour.objects.filter(hour_at__gte=slots[0].since, hour_at__lt=slots[-1].until))
    counts = _by_slot(rows, slots)
    return {
        "bars": list(_bars(counts, slots)),
        "most": max((sum(each.values()) for each in counts), default=0),
        "width": WIDTH,
        "height": HEIGHT,
        "total": sum(sum(each.values()) for each in counts),
        "table": [_table_row(slot, count) for slot, count in zip(slots, counts, strict=True)],
        "outcomes": list(Outcome),
        "reasons": _reasons(rows, slots),
        "since": slots[0].since,
        "period": period,
    }


def list_page(slot_since: dt.datetime, slot_until: dt.datetime, **filters: str) -> str:
    """Returns the address of the list of exactly these purchases."""
    span = {"created_at__gte": slot_since.isoformat(), "created_at__lt": slot_until.isoformat()}
    return f"{reverse('admin:issuing_authorization_changelist')}?{urlencode(filters | span)}"


def _by_slot(rows: list[PurchaseHour], slots: list[Slot]) -> list[Counter[str]]:
    counts: list[Counter[str]] = [Counter() for _slot in slots]
    width = slots[0].until - slots[0].since
    for row in rows:
        counts[(row.hour_at - slots[0].since) // width][row.outcome] += row.purchases
    return counts


def _bars(counts: list[Counter[str]], slots: list[Slot]) -> Any:
    most = max((sum(each.values()) for each in counts), default=0) or 1
    step = WIDTH / len(slots)
    for number, (slot, count) in enumerate(zip(slots, counts, strict=True)):
        top = float(HEIGHT)
        for outcome in Outcome:
            if not count[outcome]:
                continue
            # A single decline among thousands must still be seen.
            height = max(2.0, count[outcome] / most * (HEIGHT - 10))
            top -= height
            title = _("%(outcome)s: %(count)s, from %(since)s") % {
                "outcome": outcome.label,
                "count": count[outcome],
                "since": display.moment(slot.since),
            }
            yield Bar(round(number * step + GAP / 2, 1), round(top, 1), round(step - GAP, 1), height, outcome, title)


def _table_row(slot: Slot, count: Counter[str]) -> dict[str, Any]:
    cells = [
        {"count": count[outcome], "outcome": outcome, "page": list_page(slot.since, slot.until, outcome=outcome)}
        for outcome in Outcome
    ]
    return {"slot": slot, "cells": cells, "is_empty": not count.total()}


def _reasons(rows: list[PurchaseHour], slots: list[Slot]) -> list[dict[str, Any]]:
    """Returns the declines by reason, the most frequent first."""
    declined = [row for row in rows if row.outcome != Outcome.APPROVED]
    groups: dict[tuple[str, str], list[PurchaseHour]] = defaultdict(list)
    for row in declined:
        groups[row.outcome, row.reason].append(row)
    found = [_reason(outcome, reason, group, slots) for (outcome, reason), group in groups.items()]
    return sorted(found, key=lambda each: (-each["count"], each["reason"]))


def _reason(outcome: str, reason: str, rows: list[PurchaseHour], slots: list[Slot]) -> dict[str, Any]:
    amounts: Counter[str] = Counter()
    for row in rows:
        amounts[row.currency] += row.amount_minor
    course = [count.total() for count in _by_slot(rows, slots)]
    return {
        "reason": reason,
        "words": decline_labels.label(reason),
        "by": Outcome(outcome).label,
        "count": sum(row.purchases for row in rows),
        "amounts": [display.money(minor, currency) for currency, minor in sorted(amounts.items())],
        "points": _points(course),
        "page": list_page(slots[0].since, slots[-1].until, outcome=outcome, reason=reason),
    }


def _points(course: list[int]) -> str:
    """Returns the points of a small line, for an SVG of SPARK_WIDTH by SPARK_HEIGHT."""
    most, step = max(course) or 1, SPARK_WIDTH / max(1, len(course) - 1)
    points = (
        (round(number * step, 1), round(SPARK_HEIGHT - 1 - count / most * (SPARK_HEIGHT - 2), 1))
        for number, count in enumerate(course)
    )
    return " ".join(f"{x},{y}" for x, y in points)
