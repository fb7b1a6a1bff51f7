"""The field in which a person types an amount: 45, 45.00 or 1,500.00; never guessed, never rounded."""

import re
from typing import Any, Final

from django import forms

from onecard.kit.confirmation_pages import TextWidget
from onecard.kit.money import Money, MoneyError, currency_exponent

# Groups of three from the right, in front of a point or the end.
# In many countries 45.000 is forty-five thousand.
POINTED: Final = re.compile(r"-?[0-9]{1,3}\.[0-9]{3}")
GROUPED: Final = re.compile(r"-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")


def parse_typed(text: str, currency: str) -> Money:
    """Reads an amount with or without commas between its thousands; raises MoneyError for anything else.

    1,500 in a currency of three decimals could be 1.500: it needs its point. And 1.500 in any other could be 1,500.
    """
    plain = text.strip()
    if POINTED.fullmatch(plain) and currency_exponent(currency) != 3:
        plain = ""
    if GROUPED.fullmatch(plain) and ("." in plain or currency_exponent(currency) != 3):
        plain = plain.replace(",", "")
    try:
        return Money.parse(plain, currency)
    except MoneyError:
        raise MoneyError(f"{text!r} is not an amount of {currency}: write it like 45.00 or 1,500.00") from None


class AmountField(forms.CharField):
    """Gives Money of the currency that the form sets as `currency`; what else the page says stands in `hint`."""

    currency = ""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 20, "widget": TextWidget({"inputmode": "decimal"}), **options})

    def of(self, currency: str, *, hint: str = "") -> None:
        """Which currency it is in, and what the page says beside it."""
        self.currency, self.help_text = currency, f"In {currency}, such as 12.34 or 1,500.00. {hint}".strip()

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return parse_typed(text, self.currency) if text else text
        except MoneyError as error:
            raise forms.ValidationError(f"{error.message}.") from None
