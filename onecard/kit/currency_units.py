"""The units of outside parties: with how many decimals they count a currency, and which amounts they take.

We keep money in the minor units of ISO 4217. Stripe counts some currencies with other decimals and takes only some
amounts (docs/issuers/stripe.md, Supported currencies, Special cases). Marqeta sends and takes decimal numbers of whole
units (`1.000` KWD, `50` ISK), so `Money.parse` and `Money.major` convert them.
"""

import functools
from decimal import Decimal

from onecard.kit import exact_json
from onecard.kit.money import Money, MoneyError, currency_exponent

# Where Stripe's decimals differ from ISO 4217. ISK and UGX no longer have a minor unit and are still counted with two
# decimals; MGA has two by ISO and none at Stripe. HUF and TWD differ only in payouts, which we do not read.
STRIPE_DECIMALS: dict[str, int] = {"ISK": 2, "UGX": 2, "MGA": 0}
# Stripe takes these only in multiples of ten of their smallest unit (three-decimal currencies).
STRIPE_TENS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})

# The least that Stripe charges, in our minor units (docs/issuers/stripe.md, Minimum and maximum charge amounts). For
# other currencies it converts its own minimum, which nobody here can know (wallet/carried_amounts.py reckons with it).
STRIPE_MINIMUM: dict[str, int] = {
    "AED": 200,
    "AUD": 50,
    "BRL": 50,
    "CAD": 50,
    "CHF": 50,
    "CZK": 1500,
    "DKK": 250,
    "EUR": 50,
    "GBP": 30,
    "HKD": 400,
    "HUF": 17500,
    "INR": 50,
    "JPY": 50,
    "MXN": 1000,
    "MYR": 200,
    "NOK": 300,
    "NZD": 50,
    "PLN": 200,
    "RON": 200,
    "SEK": 300,
    "SGD": 50,
    "THB": 1000,
    "USD": 50,
}


def from_stripe(amount: object, currency: object) -> Money:
    """Converts Stripe's units to Money; raises MoneyError for no amount or a fraction of our minor unit."""
    code = currency.upper() if isinstance(currency, str) else ""
    if isinstance(amount, Decimal):
        amount = exact_json.whole(amount)
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise MoneyError(f"{amount!r} is no amount: Stripe sends whole numbers.")
    shift = _shift(code)
    if shift >= 0:
        minor = amount * 10**shift
    else:
        minor, fraction = divmod(abs(amount), 10**-shift)
        if fraction:
            raise MoneyError(f"{amount} of {code} at Stripe is a fraction of its smallest unit.")
        minor = minor if amount >= 0 else -minor
    return Money(minor, code)


@functools.cache
def _shift(currency: str) -> int:
    """Returns how many decimals more a currency has here than at Stripe; raises MoneyError for an unknown code."""
    return currency_exponent(currency) - STRIPE_DECIMALS.get(currency, currency_exponent(currency))


def to_stripe(money: Money) -> int:
    """Converts Money to Stripe's units; raises MoneyError for what Stripe cannot count (see `stripe_step`)."""
    if money.minor % stripe_step(money.currency):
        raise MoneyError(f"Stripe cannot take {money}: round it down by `rounded_for_stripe` first.")
    shift = _shift(money.currency)
    return int(money.minor // 10**shift) if shift >= 0 else int(money.minor * 10**-shift)


def stripe_step(currency: str) -> int:
    """Returns the smallest amount that Stripe can count, in our minor units: it takes only multiples of it."""
    if currency in STRIPE_TENS:
        return 10
    return int(10 ** max(0, currency_exponent(currency) - STRIPE_DECIMALS.get(currency, 99)))


def rounded_for_stripe(money: Money) -> Money:
    """Rounds down to what Stripe can take, so that nobody pays more than they owe."""
    return Money(money.minor - money.minor % stripe_step(money.currency), money.currency)
