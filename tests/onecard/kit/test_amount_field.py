"""What a person types as an amount is read exactly, or refused with a sentence."""

import pytest
from django import forms
from hypothesis import given
from hypothesis import strategies as st

from onecard.kit.amount_field import AmountField, parse_typed
from onecard.kit.money import Money, MoneyError


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("1,500.00", "USD", 150_000),
        ("1,500", "USD", 150_000),
        (" 1,234,567.8 ", "USD", 123_456_780),
        ("45", "USD", 4_500),
        ("1,500", "JPY", 1_500),
        ("1,500.125", "KWD", 1_500_125),
    ],
)
def test_thousands_may_be_grouped(text: str, currency: str, minor: int) -> None:
    assert parse_typed(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("43,20", "USD"),
        ("1.500,00", "USD"),
        ("1,50,000", "USD"),
        ("1500,000", "USD"),
        (",500", "USD"),
        ("1,500,", "USD"),
        ("1,500.001", "USD"),
        ("1 500", "USD"),
        ("1e3", "USD"),
        ("1,500", "KWD"),
        ("45.000", "USD"),
        ("1.000", "JPY"),
        ("\uff11\uff15", "USD"),
        ("", "USD"),
    ],
)
def test_what_could_be_another_amount_is_refused(text: str, currency: str) -> None:
    with pytest.raises(MoneyError, match="write it like"):
        parse_typed(text, currency)


@given(st.integers(-(10**12), 10**12))
def test_what_we_write_is_read_as_the_same(minor: int) -> None:
    written = str(Money(minor, "USD")).removesuffix(" USD")
    assert parse_typed(written, "USD") == Money(minor, "USD")


def test_the_field_says_what_is_wrong() -> None:
    field = AmountField()
    field.of("USD", hint="Not more.")
    assert field.clean("1,500.00") == Money(150_000, "USD")
    assert field.help_text == "In USD, such as 12.34 or 1,500.00. Not more."
    with pytest.raises(forms.ValidationError, match="is not an amount of USD"):
        field.clean("43,20")
