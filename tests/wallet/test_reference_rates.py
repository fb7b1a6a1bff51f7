"""A reference rate is near enough to catch a slip, and whoever enters an amount cannot move it."""

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from onecard.kit.money import Money
from wallet import reference_rates
from wallet.ledger import postings as ledger
from wallet.reference_rates import TABLE_FACTOR, from_dollars, in_dollars, reference

CURRENCIES = sorted(reference_rates.table_rates())


def exchanged(name: str, given: Money, got: Money) -> None:
    """As the processor's exchanges are booked (wallet/fees/book.py)."""
    with transaction.atomic():
        for side, money, back in (("out", given, False), ("in", got, True)):
            ledger.post(
                kind=ledger.Kind.PAYOUT_EXCHANGE,
                key=f"exchange:{name}:{side}",
                money=money,
                reference="processor:stripe",
                back=back,
            )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("amount", "currency", "expected", "least", "most"),
    [
        (Money(100, "JPY"), "USD", 67, 22, 200),
        (Money(4000, "EUR"), "USD", 4444, 1481, 13334),
        (Money(1000, "KWD"), "USD", 326, 108, 978),
        (Money(100, "USD"), "JPY", 150, 50, 450),
        (Money(1, "JPY"), "USD", 1, 1, 2),
        (Money(5000, "USD"), "USD", 5000, 1666, 15000),
    ],
)
def test_the_table_gives_an_amount_and_its_band(
    amount: Money, currency: str, expected: int, least: int, most: int
) -> None:
    found = reference(amount, currency)
    assert found is not None
    assert (found.expected, found.least_minor, found.most_minor) == (Money(expected, currency), least, most)


@pytest.mark.django_db
@pytest.mark.parametrize(("given", "got"), [("TRY", "USD"), ("USD", "ARS"), ("VES", "NGN")])
def test_a_currency_outside_the_table_has_no_reference(given: str, got: str) -> None:
    assert reference(Money(100, given), got) is None
    assert in_dollars(Money(100, "TRY")) is None


@pytest.mark.django_db
def test_recent_exchanges_narrow_the_band() -> None:
    for number in range(3):
        exchanged(f"txn_{number}", Money(10_000, "EUR"), Money(10_800, "USD"))
    there, back = reference(Money(4000, "EUR"), "USD"), reference(Money(4320, "USD"), "EUR")
    assert there is not None
    assert back is not None
    assert (there.expected.minor, there.least_minor, there.most_minor) == (4320, 2880, 6480)
    assert back.expected == Money(4000, "EUR")


@pytest.mark.django_db
def test_a_currency_outside_the_table_is_known_by_its_exchanges() -> None:
    for number in range(3):
        exchanged(f"txn_{number}", Money(400_000, "TRY"), Money(10_000, "USD"))
    found = reference(Money(40_000, "TRY"), "USD")
    assert found is not None
    assert found.expected == Money(1000, "USD")


@pytest.mark.django_db
def test_few_or_absurd_exchanges_move_nothing() -> None:
    by_table = reference(Money(4000, "EUR"), "USD")
    for number in range(2):
        exchanged(f"few_{number}", Money(10_000, "EUR"), Money(10_800, "USD"))
    assert reference(Money(4000, "EUR"), "USD") == by_table
    for number in range(9):
        exchanged(f"odd_{number}", Money(100, "EUR"), Money(10_000_000, "USD"))
    assert reference(Money(4000, "EUR"), "USD") == by_table


@given(st.sampled_from(CURRENCIES), st.sampled_from(CURRENCIES), st.integers(1, 10**12))
def test_the_table_is_the_same_both_ways(one: str, other: str, minor: int) -> None:
    rate, back = reference_rates.table_rate(one, other), reference_rates.table_rate(other, one)
    assert rate is not None
    assert back is not None
    assert rate * back == 1
    assert TABLE_FACTOR > 1
    assert in_dollars(Money(minor, "USD")) == minor
    assert from_dollars(minor, "USD") == Money(minor, "USD")
