"""Amounts and currencies in Stripe's events, read into our own units, and the refusal of what cannot be read."""

from typing import Any

from issuing.issuers.messages import MalformedEventError
from onecard.kit.currency_units import from_stripe
from onecard.kit.money import MAX_AMOUNT_MINOR, MoneyError, currency_exponent
from onecard.kit.text import clean_text


def amount_in(content: dict[str, Any], name: str) -> int:
    """Returns the amount of that name in Stripe's units, never negative; raises MalformedEventError."""
    amount = content.get(name.rsplit(".", 1)[-1])
    if type(amount) is not int:
        raise MalformedEventError(f"{name} is not a whole number of minor units.")
    if not 0 <= amount <= MAX_AMOUNT_MINOR:
        raise MalformedEventError(f"{name} is {'negative' if amount < 0 else 'beyond any purchase'}.")
    return amount


def in_our_units(amount: int, currency: str, name: str) -> int:
    """Returns an amount in Stripe's units in our own; a fraction of our smallest unit is refused."""
    try:
        return from_stripe(amount, currency).minor
    except MoneyError as error:
        raise MalformedEventError(f"{name}: {error.message}") from None


def currency_in(value: object) -> str:
    """Returns an upper-case ISO 4217 code; raises MalformedEventError."""
    currency = clean_text(value, limit=10).upper()
    try:
        currency_exponent(currency)
    except MoneyError as error:
        raise MalformedEventError(f"currency: {error.message}.") from None
    return currency
