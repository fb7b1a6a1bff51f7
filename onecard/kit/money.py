"""Money: an integer number of minor units with a currency. Nothing here is a float."""

import functools
import re
from decimal import Decimal, InvalidOperation

import iso4217
import msgspec

from onecard.kit.errors import OneCardError
from onecard.kit.separators import localised

# A bound on every amount (money-safety T11): ten trillion minor units; sums of very many stay far from 2**63.
MAX_AMOUNT_MINOR = 10**13
PLAIN_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
WRITTEN_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
# Far more places, before and after the point, than any amount has.
MOST_PLACES = 40


class MoneyError(OneCardError):
    """An amount or a currency that cannot be money."""

    code = "invalid_money"


@functools.cache
def currency_exponent(currency: str) -> int:
    """Returns a currency's decimals by ISO 4217 (USD 2, JPY 0, KWD 3); raises MoneyError for an unknown code."""
    try:
        exponent = iso4217.Currency(currency).exponent
    except ValueError:
        raise MoneyError(f"{currency!r} is not an ISO 4217 currency code") from None
    if exponent is None:
        raise MoneyError(f"{currency} has no minor unit, so no purchase can be made in it")
    return int(exponent)


class Money(msgspec.Struct, frozen=True):
    """An exact amount: `minor` units of an upper-case ISO 4217 `currency`."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, text: str, currency: str) -> "Money":
        """Reads "45", "45.00" or "-3.5" as whole units; raises MoneyError for anything else or too many decimals."""
        exponent, plain = currency_exponent(currency), text.strip()
        # Plain digits only: an exponent could hide a fraction too small to see, or a number too large to hold.
        scaled = Decimal(plain).scaleb(exponent) if PLAIN_NUMBER.fullmatch(plain) else None
        if scaled is None or scaled != scaled.to_integral_value() or abs(scaled) > MAX_AMOUNT_MINOR:
            raise MoneyError(f"{text!r} is not an amount of {currency}: write it like 45.00")
        return cls(int(scaled), currency)

    @classmethod
    def read(cls, number: Decimal | int | str, currency: str) -> "Money":
        """Reads whole units from another system's JSON, in any notation of a number: 45, "45.00", 4.5E+1.

        Raises MoneyError for text that is no number, for a fraction of a minor unit, and for too many digits.
        """
        try:
            exact = Decimal(number) if not isinstance(number, str) or WRITTEN_NUMBER.fullmatch(number) else None
        except InvalidOperation:
            exact = None
        # Exponents are checked before digits are written: 1E+999999999 would have a billion of them.
        if exact is None or not exact.is_finite() or _is_too_long(exact):
            raise MoneyError(f"{str(number)[:40]!r} is not an amount of {currency}")
        plain = format(exact, "f")
        return cls.parse(plain.rstrip("0").rstrip(".") if "." in plain else plain, currency)

    @property
    def major(self) -> Decimal:
        """The amount in whole units, exact."""
        return Decimal(self.minor).scaleb(-currency_exponent(self.currency))

    def __str__(self) -> str:
        """As the language of the moment writes it: 1,500.00 USD, in German 1.500,00 USD.

        So it is right in every sentence of a page. What is stored or sent is made in English (CONTRIBUTING, Write a
        text).
        """
        return f"{localised(f'{self.major:,.{currency_exponent(self.currency)}f}')} {self.currency}"


def _is_too_long(number: Decimal) -> bool:
    _sign, digits, exponent = number.as_tuple()
    return len(digits) > MOST_PLACES or not isinstance(exponent, int) or abs(exponent) > MOST_PLACES
