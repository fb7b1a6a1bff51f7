"""The value of a condition as people write it, to and from the value that a definition holds."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from issuing.admin.controls.labels import CHOICES, YES_OR_NO, is_amount, is_number
from onecard.kit.amount_field import parse_typed, typed
from onecard.kit.errors import OneCardError
from onecard.kit.money import Money, MoneyError

# Between the lowest and the highest value. A comma belongs to lists, a hyphen to texts.
UP_TO = ".."


class ValueRefusedError(OneCardError):
    """What was written is no value of the attribute; the sentence says what would be one."""

    code = "control_value_refused"


def read(attribute: str, operator: str, text: str, *, currency: str) -> Any:
    """Returns the value of a definition; raises ValueRefusedError with a sentence."""
    if not text.strip():
        raise ValueRefusedError(_("Write a value."))
    if operator == "in":
        return [_one(attribute, each, currency) for each in _parts(text)]
    if operator == "between":
        ends = [part.strip() for part in text.split(UP_TO)]
        if len(ends) != 2 or not any(ends):
            raise ValueRefusedError(
                _("Write the lowest and the highest value with two points between: 100 .. 500. One may be left out.")
            )
        return [_one(attribute, end, currency) if end else None for end in ends]
    return _one(attribute, text.strip(), currency)


def write(attribute: str, operator: str, value: Any, *, currency: str) -> str:
    """Returns a value as `read` takes it, in the viewer's language."""
    if isinstance(value, list):
        shown = ["" if each is None else _shown(attribute, each, currency) for each in value]
        return f" {UP_TO} ".join(shown).strip() if operator == "between" else ", ".join(shown)
    return _shown(attribute, value, currency)


def _parts(text: str) -> list[str]:
    return [part for each in text.replace("\n", ",").split(",") if (part := each.strip())]


def _one(attribute: str, text: str, currency: str) -> Any:
    if is_amount(attribute):
        return _amount(text, currency)
    if is_number(attribute):
        return _number(text)
    choices = CHOICES.get(attribute)
    if choices is None:
        return text
    found = next(
        (key for key, label in choices.items() if text.casefold() in (key.casefold(), str(label).casefold())), None
    )
    if found is None:
        said = ", ".join(str(label) for label in choices.values())
        raise ValueRefusedError(_("“%(text)s” is none of the values: %(choices)s.") % {"text": text, "choices": said})
    return found == "yes" if choices is YES_OR_NO else found


def _amount(text: str, currency: str) -> int:
    try:
        return parse_typed(text, currency).minor
    except MoneyError as error:
        raise ValueRefusedError(f"{error.message}.") from None


def _number(text: str) -> int | float:
    try:
        number = Decimal(text.replace(",", "."))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) > 10**9:
        raise ValueRefusedError(_("“%(text)s” is not a number such as 3 or 2.5.") % {"text": text})
    return int(number) if number == number.to_integral_value() else float(number)


def _shown(attribute: str, value: Any, currency: str) -> str:
    if is_amount(attribute) and isinstance(value, int):
        return typed(Money(value, currency))
    choices = CHOICES.get(attribute, {})
    key = ("yes" if value else "no") if isinstance(value, bool) else str(value)
    return str(choices.get(key, key))
