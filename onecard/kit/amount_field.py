"""A form field for an amount as the viewer's language prints it, such as 1,500.00; never guessed, never rounded."""

import re
from typing import Any, Final

from django import forms
from django.utils import formats
from django.utils.translation import gettext as _

from onecard.kit.confirmation_pages import TextWidget
from onecard.kit.money import Money, MoneyError, currency_exponent
from onecard.kit.separators import localised

# In many countries 45.000 is forty-five thousand.
POINTED: Final = re.compile(r"-?[0-9]{1,3}\.[0-9]{3}")
# Groups of three digits before the decimal point, separated by commas.
GROUPED: Final = re.compile(r"-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")


# Where a comma is the decimal point, and a point separates thousands.
POINTS_AND_COMMAS_CHANGED: Final = str.maketrans(",.", ".,")


def parse_typed(text: str, currency: str) -> Money:
    """Reads an amount as the viewer's language prints it; raises MoneyError for anything else.

    In English thousands may have commas between them. In a currency with three decimals 1,500 could mean 1.500, so it
    needs its decimal point. In any other currency 1.500 could mean 1,500, so it is refused. In German it is the same
    with points and commas exchanged.
    """
    plain = written = text.strip()
    if formats.get_format("DECIMAL_SEPARATOR") == ",":
        plain = written.translate(POINTS_AND_COMMAS_CHANGED)
    if POINTED.fullmatch(plain) and currency_exponent(currency) != 3:
        plain = ""
    if GROUPED.fullmatch(plain) and ("." in plain or currency_exponent(currency) != 3):
        plain = plain.replace(",", "")
    try:
        return Money.parse(plain, currency)
    except MoneyError:
        sentence = _("“%(text)s” is not an amount of %(currency)s: write it like %(examples)s")
        raise MoneyError(
            sentence % {"text": written, "currency": currency, "examples": _examples("45.00", "1,500.00")}
        ) from None


def typed(money: Money) -> str:
    """Returns an amount as `parse_typed` reads it from the same viewer: what a form begins with."""
    return str(money).removesuffix(f" {money.currency}")


def _examples(plain: str, grouped: str) -> str:
    return _("%(plain)s or %(grouped)s") % {"plain": localised(plain), "grouped": localised(grouped)}


class AmountField(forms.CharField):
    """Returns Money of the currency that the form sets with `of`, which also sets the help text's `hint`."""

    currency = ""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 20, "widget": TextWidget({"inputmode": "decimal"}), **options})

    def of(self, currency: str, *, hint: str = "") -> None:
        """Sets the currency and the hint beside the field."""
        sentence = _("In %(currency)s, such as %(examples)s.")
        words = sentence % {"currency": currency, "examples": _examples("12.34", "1,500.00")}
        self.currency, self.help_text = currency, f"{words} {hint}".strip()

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return parse_typed(text, self.currency) if text else text
        except MoneyError as error:
            raise forms.ValidationError(f"{error.message}.") from None
