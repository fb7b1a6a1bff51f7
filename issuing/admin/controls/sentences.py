"""A control's definition in sentences: when it applies, what it counts, what it does."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from issuing.admin.controls import values
from issuing.admin.controls.labels import (
    ACTIONS,
    ATTRIBUTES,
    MEASURES,
    OPERATOR_WORDS,
    OPERATORS,
    SUBJECTS,
    WINDOWS,
    is_amount,
)
from onecard.kit import display

CURRENCY = "USD"
UNITS_S = {"days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}


def in_sentences(definition: Any) -> list[str]:
    """Returns the sentences of a definition; one of an unknown form is shown as it is stored."""
    if not isinstance(definition, Mapping):
        return [str(definition)]
    try:
        return [*_conditions(definition), *_velocity(definition.get("velocity")), action(definition)]
    except (KeyError, TypeError, ValueError):
        return [str(dict(definition))]


def action(definition: Mapping[str, Any]) -> str:
    """Returns what a control does."""
    written = definition["action"]
    kind = str(ACTIONS.get(written["kind"], written["kind"]))
    currency = currency_of(definition)
    if written["kind"] == "adjust_hold":
        parts = [f"{written['percent']} %"] if written.get("percent") else []
        parts += [display.money(written["fixed_minor"], currency)] if written.get("fixed_minor") else []
        return _("%(action)s: %(parts)s more.") % {"action": kind, "parts": " + ".join(parts)}
    if written.get("most_minor"):
        most = display.money(written["most_minor"], currency)
        return _("%(action)s: %(most)s at most.") % {"action": kind, "most": most}
    return f"{kind}."


def currency_of(definition: Mapping[str, Any]) -> str:
    """Returns the currency in which the amounts of a definition are written."""
    velocity = definition.get("velocity")
    found = velocity.get("currency") if isinstance(velocity, Mapping) else ""
    return str(found or CURRENCY)


def condition(written: Mapping[str, Any], currency: str) -> str:
    """Returns one condition."""
    said = _compared(written, currency)
    return _("%(condition)s, or nobody says so") % {"condition": said} if written.get("if_unknown") else said


def _compared(written: Mapping[str, Any], currency: str) -> str:
    name, negate, value = str(written["attribute"]), bool(written.get("negate")), written["value"]
    label = ATTRIBUTES.get(name, name)
    unit = f" {currency}" if is_amount(name) else ""
    if isinstance(value, bool):
        return f"{label}: {values.write(name, 'is', value is not negate, currency=currency)}"
    if written["operator"] == "between" and None in value:
        end = values.write(name, "is", next(each for each in value if each is not None), currency=currency)
        return _open_range(is_lowest=value[1] is None, negate=negate) % {"what": label, "end": f"{end}{unit}"}
    operator = next(key for key, each in OPERATORS.items() if each == (written["operator"], negate))
    shown = values.write(name, str(written["operator"]), value, currency=currency)
    return f"{label} {OPERATOR_WORDS[operator]} {shown}{unit}"


def _open_range(*, is_lowest: bool, negate: bool) -> str:
    """Returns the words of a range with one end; `is_lowest` where the end is the lowest value."""
    if is_lowest:
        return _("%(what)s is less than %(end)s") if negate else _("%(what)s is %(end)s or more")
    return _("%(what)s is more than %(end)s") if negate else _("%(what)s is %(end)s or less")


def trailing(seconds: int) -> tuple[int, str]:
    """Returns a span as a number and the largest unit that it is a whole number of."""
    return next((seconds // length, unit) for unit, length in UNITS_S.items() if seconds % length == 0)


def _conditions(definition: Mapping[str, Any]) -> list[str]:
    currency = currency_of(definition)
    return [f"{condition(each, currency)}." for each in definition.get("when") or []]


def _velocity(written: Any) -> list[str]:
    if not written:
        return []
    most = (
        display.money(written["most"], written["currency"])
        if written["measure"] == "amount"
        else f"{written['most']:,}"
    )
    words = {
        "what": MEASURES[written["measure"]],
        "window": WINDOWS[written["window"]],
        "who": SUBJECTS[written.get("per", "card")],
        "most": most,
    }
    if written["window"] == "trailing":
        words["window"] = span(written["trailing_s"])
    return [_("Counts %(what)s %(window)s, for %(who)s: more than %(most)s.") % words]


def span(seconds: int) -> str:
    """Returns a trailing window in words."""
    number, unit = trailing(seconds)
    shown = {
        "days": ngettext("of the last %(count)s day", "of the last %(count)s days", number),
        "hours": ngettext("of the last %(count)s hour", "of the last %(count)s hours", number),
        "minutes": ngettext("of the last %(count)s minute", "of the last %(count)s minutes", number),
        "seconds": ngettext("of the last %(count)s second", "of the last %(count)s seconds", number),
    }[unit]
    return shown % {"count": number}
