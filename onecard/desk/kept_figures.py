"""Figures over whole tables, which no page counts: a task does, and the page says when.

Each is a list of plain rows. What is not counted yet is None, and a page says so instead of showing a zero.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, Final

from issuing.rewards import totals
from onecard.desk.models import KeptFigure
from onecard.kit import clock
from wallet.ledger import balances

BALANCES: Final = "booked_balances"
REWARDS: Final = "rewards_of_the_month"
Rows = list[dict[str, Any]]


def count() -> None:
    """Counts every figure of the home page anew."""
    keep(FIGURES)


def keep(figures: Mapping[str, Callable[[], Rows]]) -> None:
    """Counts each figure and keeps it with its time."""
    for name, counted in figures.items():
        KeptFigure.objects.update_or_create(name=name, defaults={"value": counted(), "counted_at": clock.now()})


def read(name: str) -> tuple[Rows | None, dt.datetime | None]:
    """Returns a figure and when it was counted; (None, None) before its first count."""
    kept = KeptFigure.objects.filter(name=name).first()
    return (kept.value, kept.counted_at) if kept else (None, None)


def _balances() -> Rows:
    """Each account's balance in each currency, in minor units; the sums of old postings are kept up first."""
    balances.keep_sums()
    return [
        {"account": each.account, "currency": each.currency, "balance_minor": each.minor}
        for each in balances.balances()
    ]


def _rewards() -> Rows:
    """This month's rewards in each currency against a card with 1 point a unit, in millionths of a unit."""
    month = clock.now().date().replace(day=1)
    sums = totals.overall(totals.totals(by="month", since=month, until=month))
    return [
        {
            "month": f"{month:%Y-%m}",
            "currency": currency,
            "charges": value.charges,
            "face_micro": int(value.face.scaleb(6)),
            "baseline_micro": int(value.baseline.scaleb(6)),
        }
        for currency, value in sums.items()
    ]


FIGURES: Final[dict[str, Callable[[], Rows]]] = {BALANCES: _balances, REWARDS: _rewards}
