"""Amounts and times as the API shows them."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from onecard.kit.money import MAX_AMOUNT_MINOR, Money, MoneyError, currency_exponent


class MoneySerializer(serializers.Serializer[Money]):
    """{"amount_minor": 4500, "currency": "USD"}: whole minor units, never a fraction."""

    amount_minor = serializers.IntegerField(source="minor", max_value=MAX_AMOUNT_MINOR, min_value=-MAX_AMOUNT_MINOR)
    currency = serializers.RegexField(r"^[A-Z]{3}$", help_text="ISO 4217, such as USD.")

    def validate_currency(self, currency: str) -> str:
        try:
            currency_exponent(currency)
        except MoneyError as error:
            raise serializers.ValidationError(error.message) from None
        return currency


def money(amount_minor: int, currency: str) -> dict[str, Any]:
    """Returns an amount in the API's form."""
    return {"amount_minor": amount_minor, "currency": currency}


def plain(number: Decimal) -> str:
    """Returns a decimal as text without an exponent and trailing zeros: 4, 0.5, 1.25."""
    return f"{number.normalize():f}"
