"""Money is exact, whole and bounded (money-safety I3)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecard.kit.money import MAX_AMOUNT_MINOR, Money, MoneyError, currency_exponent


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("45.00", "USD", 4500), ("45", "USD", 4500), (" 0.5 ", "USD", 50), ("3200", "JPY", 3200), ("1.234", "KWD", 1234)],
)
def test_whole_units_are_read_by_the_currencys_own_decimals(text: str, currency: str, minor: int) -> None:
    assert Money.parse(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        *[
            (text, "USD")
            for text in (
                "45.001",
                "",
                "NaN",
                "Infinity",
                "1e999",
                "1e999999999999999999",
                "1e-999999999999999999",
                "4,5",
                "9" * 40,
            )
        ],
        ("1.5", "JPY"),
        *[("45", currency) for currency in ("usd", "ZZZ", "XAU", "")],
    ],
)
def test_what_is_no_amount_is_refused_with_a_sentence(text: str, currency: str) -> None:
    with pytest.raises(MoneyError) as refused:
        Money.parse(text, currency)
    assert refused.value.message


@given(minor=st.integers(0, MAX_AMOUNT_MINOR), currency=st.sampled_from(["USD", "JPY", "KWD", "EUR", "CLF"]))
def test_writing_and_reading_an_amount_gives_it_back(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    written = str(money).split()[0].replace(",", "")
    assert Money.parse(written, currency) == money
    assert money.major.as_tuple().exponent == -currency_exponent(currency)


def test_an_amount_is_written_as_people_read_it() -> None:
    assert [str(Money(1234567, currency)) for currency in ("USD", "JPY", "KWD")] == [
        "12,345.67 USD",
        "1,234,567 JPY",
        "1,234.567 KWD",
    ]


@given(minor=st.integers(-(10**12), 10**12), places=st.integers(0, 6), currency=st.sampled_from(["USD", "JPY", "KWD"]))
def test_any_notation_of_an_amount_is_read_as_the_same(minor: int, places: int, currency: str) -> None:
    exact = Money(minor, currency).major
    padded = exact.quantize(Decimal(1).scaleb(-places - 3))

    for text in (f"{exact:f}", f"{padded:f}", f"{exact:E}", f"{exact:e}", f"{exact.normalize():E}"):
        assert Money.read(text, currency) == Money.read(Decimal(text), currency) == Money(minor, currency), text


@pytest.mark.parametrize(
    "number", ["1E-3", "0.001", "1E+999", "", " ", "45,00", "NaN", "Infinity", "1e", "--1", "9" * 50]
)
def test_what_is_no_amount_is_refused(number: str) -> None:
    with pytest.raises(MoneyError):
        Money.read(number, "USD")
