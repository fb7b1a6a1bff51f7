"""What a person will buy in the rest of a period: own past purchases, completed by what an average household buys.

Each kind of purchase (category, merchant, channel, home or abroad) has a rate of spend for each day, a season, and, if
it comes about once a month with about the same amount, the days on which it is due.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from routing.value.matching import HOME
from routing.value.population import KINDS, SEASON_OF, SEASONS
from routing.value.spend import Purchase
from routing.value.terms import Channel

# How many days of own purchases weigh as much as the average household.
PRIOR_DAYS = 30.0
DAYS_OF_MONTH = 30.4
# Gaps between two payments of a monthly bill, in days, and how far its amounts may differ from their median.
BILL_GAPS = (26, 35)
BILL_SPREAD = 0.35
BILL_DEVIATION = 0.15
REMEMBERED = 40


class KindKey(NamedTuple):
    """What makes two purchases of one kind."""

    mcc: str
    merchant: str
    channel: Channel
    is_home: bool


class Demand(NamedTuple):
    """Expected spend of one kind between two days, in minor units, with its variance and an example at its middle."""

    example: Purchase
    mean: float
    variance: float


@dataclass(slots=True)
class _Past:
    total: int = 0
    squares: int = 0
    recent: list[tuple[dt.date, int]] = field(default_factory=list)


class History:
    """Past purchases of one person, summed up. `since` is the first day of which all purchases are known."""

    def __init__(self, since: dt.date, purchases: Iterable[Purchase] = ()) -> None:
        self.since = since
        self._kinds: dict[KindKey, _Past] = {}
        self._total = 0
        for purchase in purchases:
            self.add(purchase)

    def add(self, purchase: Purchase) -> None:
        """Adds a purchase; they are added in the order of their time."""
        key = KindKey(purchase.mcc, purchase.merchant, purchase.channel, purchase.country == HOME)
        past = self._kinds.setdefault(key, _Past())
        past.total += purchase.amount_minor
        past.squares += purchase.amount_minor**2
        past.recent = [*past.recent[-REMEMBERED:], (purchase.at.date(), purchase.amount_minor)]
        self._total += purchase.amount_minor

    def forecast(self, today: dt.date, spans: Iterable[tuple[dt.date, dt.date]]) -> Iterator[Demand]:
        """Yields what is expected in each span, the second day of which is no longer in it.

        A span must lie within one month, since a season is a month's. Terms are looked up in its middle.
        """
        rates = list(self._rates(today))
        for first, after in spans:
            yield from _in_span(rates, first, after)

    def _rates(self, today: dt.date) -> Iterator["Rate"]:
        own_days = float((today - self.since).days) if today > self.since else 0.0
        level = self._level(own_days)
        for key in PRIOR.keys() | self._kinds.keys():
            prior_rate, prior_ticket = PRIOR.get(key, (0.0, 0.0))
            past = self._kinds.get(key)
            total, squares = (past.total, past.squares) if past else (0, 0)
            days = _season_days(key.mcc, self.since, today)
            rate = (PRIOR_DAYS * prior_rate * level + total) / (PRIOR_DAYS + days)
            ticket = squares / total if total else prior_ticket
            yield Rate(key, rate, ticket, find_bill(past.recent, today) if past else None)

    def _level(self, own_days: float) -> float:
        """How much more this person spends than the average household, cautiously."""
        return (PRIOR_DAYS * PRIOR_TOTAL + self._total) / ((PRIOR_DAYS + own_days) * PRIOR_TOTAL)


def _in_span(rates: Iterable["Rate"], first: dt.date, after: dt.date) -> Iterator[Demand]:
    middle, days = first + (after - first) / 2, (after - first).days
    for key, rate, ticket, bill in rates:
        if bill is not None:
            mean = float(bill.amount * bill.times_due(first, after))
            variance = (BILL_DEVIATION * mean) ** 2
        else:
            mean = rate * SEASONS[SEASON_OF.get(key.mcc, "flat")][first.month - 1] * days
            variance = mean * ticket
        if mean > 0:
            yield Demand(_example(key, middle), mean, variance)


class Bill(NamedTuple):
    """A payment that comes about once a month."""

    amount: int
    last: dt.date

    def times_due(self, first: dt.date, after: dt.date) -> int:
        """How often it is due in a span that starts today or later."""
        start, end = ((day - self.last).days / DAYS_OF_MONTH for day in (first, after))
        # A bill a few days late is still to come.
        return max(0, int(end) - int(max(start, 0.85) if start < 1.2 else start)) if end >= 1 else 0


class Rate(NamedTuple):
    """A kind with its minor units a day in an average month, its usual ticket weighted by amount, and its bill."""

    key: KindKey
    daily: float
    ticket: float
    bill: Bill | None


def find_bill(payments: list[tuple[dt.date, int]], today: dt.date) -> Bill | None:
    """Recognizes a monthly bill in at least two payments of a kind, the last of which is not overdue."""
    if len(payments) < 2:
        return None
    last_day, _ = payments[-1]
    gaps = [(later - day).days for (day, _), (later, _) in pairwise(payments)]
    middle = median(amount for _, amount in payments)
    is_monthly = all(BILL_GAPS[0] <= gap <= BILL_GAPS[1] for gap in gaps)
    is_steady = all(abs(amount - middle) <= BILL_SPREAD * middle for _, amount in payments)
    if is_monthly and is_steady and (today - last_day).days <= BILL_GAPS[1]:
        return Bill(int(middle), last_day)
    return None


def _season_days(mcc: str, since: dt.date, today: dt.date) -> float:
    """The days from `since` on, each weighted by its month's index."""
    season = SEASON_OF.get(mcc, "flat")
    if season == "flat":
        return float((today - since).days)
    return sum(SEASONS[season][day.month - 1] * days for day, days in _months(since, today))


def _months(since: dt.date, today: dt.date) -> Iterator[tuple[dt.date, int]]:
    day = since
    while day < today:
        following = min(dt.date(day.year + day.month // 12, day.month % 12 + 1, 1), today)
        yield day, (following - day).days
        day = following


def _example(key: KindKey, day: dt.date) -> Purchase:
    noon = dt.datetime.combine(day, dt.time(12))
    return Purchase(noon, key.mcc, key.merchant, 0, HOME if key.is_home else "", key.channel)


PRIOR = {
    KindKey(kind.mcc, kind.merchant, kind.channel, is_home=True): (
        kind.monthly * 100 / DAYS_OF_MONTH,
        kind.ticket * 130.0,
    )
    for kind in KINDS
}
PRIOR_TOTAL = sum(rate for rate, _ in PRIOR.values())
