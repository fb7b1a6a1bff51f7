"""Rough exchange rates: enough to catch a typing error or fraud, never used to book anything.

First come recent exchanges: the processor's from the ledger, and an issuer's from the caller. Otherwise a shipped table
of rough rates applies, with a wide band. Currencies that lose value fast are not in the table: without a rate an amount
always takes two people (wallet/entered/amounts.py).
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
# How far an amount may be from the reference: a year's change of an ordinary currency, or a day's change after recent
# exchanges.
TABLE_FACTOR, EXCHANGED_FACTOR = Fraction(3), Fraction(3, 2)
# A single exchange may be odd, so this many count; this many rows of the ledger are searched.
LEAST_EXCHANGES: Final = 3
LATEST_POSTINGS: Final = 100_000
MOST_EXCHANGES: Final = 50


@dataclass(frozen=True, slots=True)
class Reference:
    """The expected amount, and the least and the most that is believed."""

    expected: Money
    least_minor: int
    most_minor: int


def reference(amount: Money, currency: str, *, exchanges: Iterable[tuple[Money, Money]] = ()) -> Reference | None:
    """Returns what `amount` is in `currency`, or None without a rate; the caller may add `exchanges`."""
    rate, factor = _rate(amount.currency, currency, [*exchanges, *_exchanged(amount.currency, currency)])
    if rate is None:
        return None
    scale = Fraction(10) ** (currency_exponent(currency) - currency_exponent(amount.currency))
    exact = amount.minor * rate * scale
    return Reference(
        Money(max(1, round(exact)), currency), max(1, math.floor(exact / factor)), max(1, math.ceil(exact * factor))
    )


def in_dollars(amount: Money) -> int | None:
    """Returns roughly how many US cents it is, or None without a rate."""
    found = table_rate(amount.currency, DOLLAR)
    if found is None:
        return None
    scale = Fraction(10) ** (currency_exponent(DOLLAR) - currency_exponent(amount.currency))
    return round(amount.minor * found * scale)


def from_dollars(cents: int, currency: str) -> Money | None:
    """Returns roughly what these US cents are in another currency."""
    found = table_rate(DOLLAR, currency)
    scale = Fraction(10) ** (currency_exponent(currency) - currency_exponent(DOLLAR))
    return None if found is None else Money(round(cents * found * scale), currency)


def _rate(given: str, got: str, exchanges: list[tuple[Money, Money]]) -> tuple[Fraction | None, Fraction]:
    """Returns a recent exchange's rate if it is in the table's band (an event may be wrong), else the table's."""
    tabled = table_rate(given, got)
    rates = [_of(pair) for pair in exchanges if pair[0].minor and pair[1].minor]
    believed = [rate for rate in rates if tabled is None or tabled / TABLE_FACTOR <= rate <= tabled * TABLE_FACTOR]
    if len(believed) >= LEAST_EXCHANGES and given != got:
        return median(believed), EXCHANGED_FACTOR
    return tabled, TABLE_FACTOR


def _of(pair: tuple[Money, Money]) -> Fraction:
    given, got = pair
    return Fraction(got.major) / Fraction(given.major)


def of_dollars(cents: int, currency: str) -> int | None:
    """Returns by the table roughly what these US cents are in a currency's minor units; None without a rate."""
    rate = table_rate(DOLLAR, currency)
    if rate is None:
        return None
    return round(cents * rate * Fraction(10) ** (currency_exponent(currency) - currency_exponent(DOLLAR)))


def table_rate(given: str, got: str) -> Fraction | None:
    if given == got:
        return Fraction(1)
    table = table_rates()
    return table[got] / table[given] if given in table and got in table else None


@functools.cache
def table_rates() -> dict[str, Fraction]:
    """Returns the units of each currency for one US dollar (fixtures/reference_rates.csv)."""
    with (settings.FIXTURES_DIR / "reference_rates.csv").open() as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return {row["currency"]: Fraction(row["for_one_usd"]) for row in rows}


def _exchanged(given: str, got: str) -> list[tuple[Money, Money]]:
    """Returns the processor's recent exchanges between the two, in either direction (wallet/fees/book.py)."""
    newest = Posting.objects.aggregate(newest=Max("pk"))["newest"] or 0
    latest = Posting.objects.filter(pk__gt=newest - LATEST_POSTINGS, kind=ledger.Kind.PAYOUT_EXCHANGE)
    halves: dict[str, dict[str, Money]] = {}
    for row in latest.filter(currency__in=(given, got)).order_by("-pk")[: 2 * MOST_EXCHANGES]:
        halves.setdefault(row.key.rpartition(":")[0], {})[row.currency] = row.money
    return [(half[given], half[got]) for half in halves.values() if given in half and got in half]
