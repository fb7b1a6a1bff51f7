"""What people read of estimates is rounded by one rule; the books keep every digit."""

from decimal import Decimal

import pytest

from issuing.rewards.totals import units_in_words
from onecard.kit import display


@pytest.mark.parametrize(
    ("amount", "currency", "one", "many"),
    [
        ("0.675", "USD", "0.675 USD", "0.68 USD"),
        ("1.35", "USD", "1.35 USD", "1.35 USD"),
        ("0.18514", "USD", "0.185 USD", "0.19 USD"),
        ("0.0005", "USD", "0.001 USD", "0.00 USD"),
        ("-0.675", "USD", "-0.675 USD", "-0.68 USD"),
        ("-0.0004", "USD", "0.00 USD", "0.00 USD"),
        ("1234567.891", "USD", "1,234,567.891 USD", "1,234,567.89 USD"),
        ("67.49", "JPY", "67.5 JPY", "67 JPY"),
        ("0.12345", "KWD", "0.1235 KWD", "0.123 KWD"),
        ("1.234", "???", "1.234 ???", "1.23 ???"),
    ],
)
def test_one_purchase_and_a_sum_are_rounded_half_up(amount: str, currency: str, one: str, many: str) -> None:
    assert (display.estimate(Decimal(amount), currency), display.total(Decimal(amount), currency)) == (one, many)


def test_points_have_two_decimals_at_most() -> None:
    assert units_in_words(Decimal("1851.4375"), "points", "USD") == "1,851.44 points"
    assert units_in_words(Decimal("100"), "miles", "USD") == "100 miles"
