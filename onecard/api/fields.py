"""Amounts and times as the API shows and reads them."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from onecard.kit.fields import refuse_odd_digits
from onecard.kit.money import MAX_AMOUNT_MINOR, Money, MoneyError, currency_exponent


class WholeNumberField(serializers.IntegerField):
    """A whole number in the digits 0 to 9; Python reads those of every script."""

    def to_internal_value(self, data: Any) -> int:
        refuse_odd_digits(str(data))
        return super().to_internal_value(data)


class CurrencyField(serializers.RegexField):
    """A currency that we know."""

    def __init__(self, **more: Any) -> None:
        super().__init__(r"^[A-Z]{3}$", **{"help_text": "ISO 4217, such as USD.", **more})

    def run_validation(self, data: Any = serializers.empty) -> Any:
        currency = super().run_validation(data)
        try:
            currency_exponent(currency)
        except MoneyError as error:
            raise serializers.ValidationError(error.message) from None
        return currency


class MoneySerializer(serializers.Serializer[Money]):
    """{"amount_minor": 4500, "currency": "USD"}: whole minor units, never a fraction."""

    amount_minor = WholeNumberField(source="minor", max_value=MAX_AMOUNT_MINOR, min_value=-MAX_AMOUNT_MINOR)
    currency = CurrencyField()


def money(amount_minor: int, currency: str) -> dict[str, Any]:
    """Returns an amount in the API's form."""
    return {"amount_minor": amount_minor, "currency": currency}


def plain(number: Decimal) -> str:
    """Returns a decimal as text without an exponent and trailing zeros: 4, 0.5, 1.25."""
    return f"{number.normalize():f}"
