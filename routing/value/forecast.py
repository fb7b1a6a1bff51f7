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
    """Expected spend of one kind between two days, in minor units, with its variance; `due` is its part in bills."""

    mean: float
    variance: float
    due: int = 0


@dataclass(slots=True)
class _Past:
    total: int = 0
    squares: int = 0
    recent: list[tuple[dt.date, int]] = field(default_factory=list)
    # The bill that these payments are, whatever the day: found when it is first asked for.
    bill: "Bill | None" = None
    is_looked_at: bool = False


class History:
    """Past purchases of one person, summed up. `since` is the first day of which all purchases are known."""

    def __init__(self, since: dt.date, purchases: Iterable[Purchase] = ()) -> None:
        self.since = since
        self.total = 0
        self._kinds: dict[KindKey, _Past] = {}
        for purchase in purchases:
            self.add(purchase)

    def add(self, purchase: Purchase) -> None:
        """Adds a purchase; they are added in the order of their time."""
        past = self._kinds.setdefault(kind_of(purchase), _Past())
        past.total += purchase.amount_minor
        past.squares += purchase.amount_minor**2
        past.recent = [*past.recent[-REMEMBERED:], (purchase.at.date(), purchase.amount_minor)]
        past.is_looked_at = False
        self.total += purchase.amount_minor

    def kinds(self) -> Iterable[KindKey]:
        """Returns every kind that may be expected, always in the same order."""
        return [*PRIOR, *(key for key in self._kinds if key not in PRIOR)]

    def past(self, key: KindKey) -> tuple[int, float, "Bill | None"]:
        """Returns what was spent on a kind, its usual ticket weighted by amount, and the bill that it seems to be."""
        past = self._kinds.get(key)
        if past is None or not past.total:
            return 0, 0.0, None
        if not past.is_looked_at:
            past.bill, past.is_looked_at = find_bill(past.recent), True
        return past.total, past.squares / past.total, past.bill


class Forecast:
    """What is expected of each kind from one day on. Make it anew each day."""

    def __init__(self, history: History, today: dt.date) -> None:
        self._history, self._today = history, today
        own_days = max(0, (today - history.since).days)
        # How much more this person spends than the average household, cautiously.
        self._level = (PRIOR_DAYS * PRIOR_TOTAL + history.total) / ((PRIOR_DAYS + own_days) * PRIOR_TOTAL)
        self._days = {name: PRIOR_DAYS + _season_days(name, history.since, today) for name in SEASONS}
        self._rates: dict[KindKey, Rate] = {}

    def expect(self, key: KindKey, first: dt.date, after: dt.date) -> Demand:
        """Returns what is expected of a kind from a day up to the day `after`, both in one month as seasons are."""
        rate = self._rates.get(key)
        if rate is None:
            rate = self._rates[key] = self._rate(key)
        if rate.bill is not None:
            due = rate.bill.amount * rate.bill.times_due(first, after)
            return Demand(float(due), (BILL_DEVIATION * due) ** 2, due)
        mean = rate.daily * rate.season[first.month - 1] * (after - first).days
        return Demand(mean, mean * rate.ticket)

    def _rate(self, key: KindKey) -> "Rate":
        prior_rate, prior_ticket = PRIOR.get(key, (0.0, 0.0))
        total, ticket, bill = self._history.past(key)
        season = SEASON_OF.get(key.mcc, "flat")
        rate = (PRIOR_DAYS * prior_rate * self._level + total) / self._days[season]
        is_due = bill is not None and (self._today - bill.last).days <= BILL_GAPS[1]
        return Rate(rate, ticket or prior_ticket, SEASONS[season], bill if is_due else None)


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
    """A kind's minor units a day in an average month, its usual ticket weighted by amount, its season and its bill."""

    daily: float
    ticket: float
    season: tuple[float, ...]
    bill: Bill | None


def find_bill(payments: list[tuple[dt.date, int]]) -> Bill | None:
    """Recognizes a monthly bill in at least two payments of a kind; the last of them may be overdue."""
    if len(payments) < 2:
        return None
    last_day, _ = payments[-1]
    gaps = [(later - day).days for (day, _), (later, _) in pairwise(payments)]
    middle = median(amount for _, amount in payments)
    is_monthly = all(BILL_GAPS[0] <= gap <= BILL_GAPS[1] for gap in gaps)
    is_steady = all(abs(amount - middle) <= BILL_SPREAD * middle for _, amount in payments)
    return Bill(int(middle), last_day) if is_monthly and is_steady else None


def _season_days(season: str, since: dt.date, today: dt.date) -> float:
    """The days from `since` on, each weighted by its month's index."""
    if season == "flat":
        return float((today - since).days)
    return sum(SEASONS[season][day.month - 1] * days for day, days in _months(since, today))


def _months(since: dt.date, today: dt.date) -> Iterator[tuple[dt.date, int]]:
    day = since
    while day < today:
        following = min(dt.date(day.year + day.month // 12, day.month % 12 + 1, 1), today)
        yield day, (following - day).days
        day = following


def kind_of(purchase: Purchase) -> KindKey:
    """Returns the kind of a purchase."""
    return KindKey(purchase.mcc, purchase.merchant, purchase.channel, purchase.country == HOME)


def example_of(key: KindKey, day: dt.date) -> Purchase:
    """Returns a purchase of a kind on a day, to ask what cards pay for it."""
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
