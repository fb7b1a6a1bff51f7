"""A form field for an amount: 45, 45.00 or 1,500.00; never guessed, never rounded."""

import re
from typing import Any, Final

from django import forms

from onecard.kit.confirmation_pages import TextWidget
from onecard.kit.money import Money, MoneyError, currency_exponent

# In many countries 45.000 is forty-five thousand.
POINTED: Final = re.compile(r"-?[0-9]{1,3}\.[0-9]{3}")
# Groups of three digits before the decimal point, separated by commas.
GROUPED: Final = re.compile(r"-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")


def parse_typed(text: str, currency: str) -> Money:
    """Reads an amount with or without commas between its thousands; raises MoneyError for anything else.

    In a currency with three decimals 1,500 could mean 1.500, so it needs its decimal point. In any other currency 1.500
    could mean 1,500, so it is refused.
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
    """Returns Money of the currency that the form sets with `of`, which also sets the help text's `hint`."""

    currency = ""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 20, "widget": TextWidget({"inputmode": "decimal"}), **options})

    def of(self, currency: str, *, hint: str = "") -> None:
        """Sets the currency and the hint beside the field."""
        self.currency, self.help_text = currency, f"In {currency}, such as 12.34 or 1,500.00. {hint}".strip()

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return parse_typed(text, self.currency) if text else text
        except MoneyError as error:
            raise forms.ValidationError(f"{error.message}.") from None
