"""Roughly what an amount is in another currency: enough to catch a slip or a fraud, never to book anything.

First what was exchanged lately: by the processor, as the ledger has it, and by an issuer, which the caller adds. Else a
shipped table of round figures, whose band is wide. Currencies that lose value fast are left out of the table: without
a reference an amount always takes two people (wallet/entered/amounts.py).
"""

import csv
import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from statistics import median
from typing import Final

from django.conf import settings
from django.db.models import Max

from onecard.kit.money import Money, currency_exponent
from wallet.ledger import postings as ledger
from wallet.models import Posting

DOLLAR: Final = "USD"
# How far from the reference an amount may be: a year of an ordinary currency, and a day of what was exchanged lately.
TABLE_FACTOR, SEEN_FACTOR = Fraction(3), Fraction(3, 2)
# One exchange may be odd; so many rows of the ledger are looked through for them.
SEEN_LEAST: Final = 3
LATEST_POSTINGS: Final = 100_000
MOST_SEEN: Final = 50


@dataclass(frozen=True, slots=True)
class Reference:
    """What an amount should be, and the least and the most that can be believed."""

    expected: Money
    least_minor: int
    most_minor: int


def reference(amount: Money, currency: str, *, seen: Iterable[tuple[Money, Money]] = ()) -> Reference | None:
    """What `amount` is in `currency`, or None without any reference; `seen` are exchanges that the caller knows of."""
    rate, factor = _rate(amount.currency, currency, [*seen, *_exchanged(amount.currency, currency)])
    if rate is None:
        return None
    scale = Fraction(10) ** (currency_exponent(currency) - currency_exponent(amount.currency))
    exact = amount.minor * rate * scale
    return Reference(
        Money(max(1, round(exact)), currency), max(1, math.floor(exact / factor)), max(1, math.ceil(exact * factor))
    )


def in_dollars(amount: Money) -> int | None:
    """Roughly how many US cents it is, or None where nobody knows."""
    found = _by_table(amount.currency, DOLLAR)
    if found is None:
        return None
    scale = Fraction(10) ** (currency_exponent(DOLLAR) - currency_exponent(amount.currency))
    return round(amount.minor * found * scale)


def from_dollars(cents: int, currency: str) -> Money | None:
    """Roughly what so many US cents are in another currency."""
    found = _by_table(DOLLAR, currency)
    scale = Fraction(10) ** (currency_exponent(currency) - currency_exponent(DOLLAR))
    return None if found is None else Money(round(cents * found * scale), currency)


def _rate(given: str, got: str, seen: list[tuple[Money, Money]]) -> tuple[Fraction | None, Fraction]:
    """What was seen is believed where it is in the table's band: an event may be wrong, too."""
    tabled = _by_table(given, got)
    rates = [_of(pair) for pair in seen if pair[0].minor and pair[1].minor]
    believed = [rate for rate in rates if tabled is None or tabled / TABLE_FACTOR <= rate <= tabled * TABLE_FACTOR]
    if len(believed) >= SEEN_LEAST and given != got:
        return median(believed), SEEN_FACTOR
    return tabled, TABLE_FACTOR


def _of(pair: tuple[Money, Money]) -> Fraction:
    given, got = pair
    return Fraction(got.major) / Fraction(given.major)


def of_dollars(cents: int, currency: str) -> int | None:
    """Roughly what so many US cents are in a currency's minor units, by the table; None where nobody knows."""
    rate = _by_table(DOLLAR, currency)
    if rate is None:
        return None
    return round(cents * rate * Fraction(10) ** (currency_exponent(currency) - currency_exponent(DOLLAR)))


def _by_table(given: str, got: str) -> Fraction | None:
    if given == got:
        return Fraction(1)
    table = _table()
    return table[got] / table[given] if given in table and got in table else None


@functools.cache
def _table() -> dict[str, Fraction]:
    """Units of each currency for one US dollar (fixtures/reference_rates.csv)."""
    with (settings.FIXTURES_DIR / "reference_rates.csv").open() as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return {row["currency"]: Fraction(row["for_one_usd"]) for row in rows}


def _exchanged(given: str, got: str) -> list[tuple[Money, Money]]:
    """What the processor exchanged between the two, either way, among the latest postings (wallet/fees/book.py)."""
    newest = Posting.objects.aggregate(newest=Max("pk"))["newest"] or 0
    latest = Posting.objects.filter(pk__gt=newest - LATEST_POSTINGS, kind=ledger.Kind.PAYOUT_EXCHANGE)
    halves: dict[str, dict[str, Money]] = {}
    for row in latest.filter(currency__in=(given, got)).order_by("-pk")[: 2 * MOST_SEEN]:
        halves.setdefault(row.key.rpartition(":")[0], {})[row.currency] = row.money
    return [(half[given], half[got]) for half in halves.values() if given in half and got in half]
