"""What each attribute can be compared with, in words: for the editor's script and for the table below it."""

from typing import Any

from django.utils.translation import gettext as _

from issuing.admin.controls.labels import ATTRIBUTES, CHOICES, OPERATORS, is_amount, is_number
from issuing.controls.conditions import OPERATORS as ALLOWED
from issuing.controls.conditions import TYPES


def words() -> dict[str, Any]:
    """Returns for each attribute its name, the editor's operators, the values it has, and a hint."""
    return {
        name: {
            "label": str(ATTRIBUTES.get(name, name)),
            "operators": operators_of(name),
            "choices": [str(label) for label in CHOICES.get(name, {}).values()],
            "hint": hint(name),
        }
        for name in TYPES
    }


def operators_of(attribute: str) -> list[str]:
    """Returns the editor's operators that fit an attribute."""
    return [key for key, (operator, _negate) in OPERATORS.items() if operator in ALLOWED[TYPES[attribute]]]


def hint(attribute: str) -> str:
    """Returns what is written as the value."""
    choices = CHOICES.get(attribute)
    if choices:
        return _("One of: %(choices)s.") % {"choices": ", ".join(str(label) for label in choices.values())}
    if is_amount(attribute):
        return _("An amount such as 500.00, in the currency above.")
    if is_number(attribute):
        return _("A number such as 3.")
    return {
        "mcc": _("Four digits, such as 5812."),
        "country": _("Two letters, such as US."),
        "currency": _("Three letters, such as EUR."),
        "merchant_id": _("The number that the network gives the merchant; a purchase's page shows it."),
    }.get(attribute, _("A text; capitals do not matter."))
