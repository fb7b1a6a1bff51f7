"""Stripe's own units against ours: every special currency in both directions, and nothing lost between them."""

import iso4217
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecard.kit.currency_units import STRIPE_MINIMUM, from_stripe, rounded_for_stripe, stripe_step, to_stripe
from onecard.kit.money import Money, MoneyError

ZERO_DECIMAL = ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
COUNTED = sorted(each.code for each in iso4217.Currency if each.exponent is not None and each.code != "XXX")


@pytest.mark.parametrize(
    ("theirs", "currency", "text"),
    [
        (5000, "isk", "50 ISK"),
        (500, "UGX", "5 UGX"),
        (500, "jpy", "500 JPY"),
        (5, "mga", "5.00 MGA"),
        (10120, "kwd", "10.120 KWD"),
        (5120, "bhd", "5.120 BHD"),
        (17500, "huf", "175.00 HUF"),
        (80045, "twd", "800.45 TWD"),
        (4500, "usd", "45.00 USD"),
        (-5000, "isk", "-50 ISK"),
        (0, "isk", "0 ISK"),
    ],
)
def test_stripe_amount_is_read_and_written_in_its_own_units(theirs: int, currency: str, text: str) -> None:
    money = from_stripe(theirs, currency)
    assert str(money) == text
    assert to_stripe(money) == theirs


@pytest.mark.parametrize("currency", ZERO_DECIMAL)
def test_zero_decimal_currencies_of_stripe_are_counted_whole(currency: str) -> None:
    assert from_stripe(1, currency).major == 1


@pytest.mark.parametrize("currency", ["BHD", "JOD", "KWD", "OMR", "TND"])
def test_three_decimal_currencies_are_rounded_down_to_tens(currency: str) -> None:
    with pytest.raises(MoneyError):
        to_stripe(Money(10125, currency))
    assert to_stripe(rounded_for_stripe(Money(10125, currency))) == 10120


@pytest.mark.parametrize("wrong", [5050, 1, -1, "5000", 50.0, None, True])
def test_fraction_of_a_krona_is_refused(wrong: object) -> None:
    with pytest.raises(MoneyError):
        from_stripe(wrong, "isk")


@pytest.mark.parametrize("currency", ["", "zzz", None, 5, "XAU"])
def test_amount_without_a_currency_is_refused(currency: object) -> None:
    with pytest.raises(MoneyError):
        from_stripe(100, currency)


@given(minor=st.integers(-(10**12), 10**12), currency=st.sampled_from(COUNTED))
def test_what_is_sent_comes_back_the_same(minor: int, currency: str) -> None:
    money = rounded_for_stripe(Money(minor, currency))

    assert from_stripe(to_stripe(money), currency.lower()) == money
    assert 0 <= minor - money.minor < stripe_step(currency)


def test_every_minimum_can_be_counted() -> None:
    for currency, minor in STRIPE_MINIMUM.items():
        assert to_stripe(Money(minor, currency)) > 0
