"""Conditions of a control: an operator over a named attribute, checked and compiled; pure.

A condition is {"attribute", "operator", "value", "negate"?, "if_unknown"?}. All conditions of a control must hold.
"""

import fnmatch
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from issuing.controls.attributes import Attributes
from issuing.controls.errors import DefinitionError

Check = Callable[[Any], bool]

NUMBER: Final = "number"
YES_NO: Final = "yes_no"
TEXT: Final = "text"
WORDS: Final = "words"
# The attributes that a condition can name, with their types. The rest of Attributes is for the machinery.
TYPES: Final = {
    "amount": NUMBER,
    "cash": YES_NO,
    "mcc": TEXT,
    "mcc_group": TEXT,
    "country": TEXT,
    "currency": TEXT,
    "foreign_currency": YES_NO,
    "merchant_id": TEXT,
    "merchant_name": TEXT,
    "entry_mode": TEXT,
    "channel": TEXT,
    "new_merchant": YES_NO,
    "new_country": YES_NO,
    "new_mcc": YES_NO,
    "declines_15_min": NUMBER,
    "declines_1_h": NUMBER,
    "declines_24_h": NUMBER,
    "consecutive_declines": NUMBER,
    "z_score": NUMBER,
    "impossible_travel": YES_NO,
    "card_age_days": NUMBER,
    "cvc": TEXT,
    "expiry": TEXT,
    "address": TEXT,
    "three_d_secure": TEXT,
    "wallet": TEXT,
    "network_risk": NUMBER,
    "issuer_risk": NUMBER,
    "kyc_state": TEXT,
    "kyc_days_left": NUMBER,
    "compliance_flags": WORDS,
}
OPERATORS: Final = {
    NUMBER: ("is", "in", "between"),
    YES_NO: ("is",),
    TEXT: ("is", "in", "between", "matches"),
    WORDS: ("is", "in", "matches"),
}
MOST_VALUES: Final = 500
LONGEST: Final = 120
MOST_STARS: Final = 4
PARTS: Final = frozenset({"attribute", "operator", "value", "negate", "if_unknown"})


@dataclass(frozen=True, slots=True)
class Condition:
    """One compiled condition. `negate` turns a known answer around; `if_unknown` is the answer for an unknown value.

    `holds` says whether it holds for the attributes of a purchase.
    """

    attribute: str
    operator: str
    value: Any
    holds: Callable[[Attributes], bool]
    negate: bool = False
    if_unknown: bool = False


def compile_condition(written: Any) -> Condition:
    """Returns the compiled condition; raises DefinitionError with a sentence that says what is wrong with it."""
    if not isinstance(written, dict):
        raise DefinitionError(_("A condition is an object with attribute, operator and value."))
    if unknown := sorted(set(written) - PARTS):
        raise DefinitionError(_("A condition has no part %(name)s.") % {"name": unknown[0]})
    attribute, operator = str(written.get("attribute")), str(written.get("operator"))
    kind = TYPES.get(attribute)
    if kind is None:
        names = ", ".join(TYPES)
        raise DefinitionError(
            _("There is no attribute %(name)s. Use one of: %(names)s.") % {"name": attribute, "names": names}
        )
    if operator not in OPERATORS[kind]:
        raise DefinitionError(
            _("%(attribute)s cannot be compared with %(operator)s. Use one of: %(operators)s.")
            % {"attribute": attribute, "operator": operator, "operators": ", ".join(OPERATORS[kind])}
        )
    for name in ("negate", "if_unknown"):
        if not isinstance(written.get(name, False), bool):
            raise DefinitionError(
                _("%(name)s of %(attribute)s is true or false.") % {"name": name, "attribute": attribute}
            )
    value = _value(attribute, kind, operator, written.get("value"))
    negate, if_unknown = written.get("negate", False), written.get("if_unknown", False)
    check = _of_words(operator, value) if kind == WORDS else _check(operator, value, is_text=kind == TEXT)
    return Condition(
        attribute, operator, value, _holds(attribute, check, negate=negate, if_unknown=if_unknown), negate, if_unknown
    )


def _holds(attribute: str, check: Check, *, negate: bool, if_unknown: bool) -> Callable[[Attributes], bool]:
    """Returns one closure, since each purchase asks it for each control."""
    # The place in the tuple is found once: reading by name would cost more than comparing.
    place = Attributes._fields.index(attribute)

    def holds(attributes: Attributes) -> bool:
        value = attributes[place]
        return if_unknown if value is None else check(value) is not negate

    return holds


def _value(attribute: str, kind: str, operator: str, value: Any) -> Any:
    """Returns the value in one form; raises DefinitionError where it does not fit the attribute and the operator."""
    if operator == "in":
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_VALUES:
            raise DefinitionError(
                _("%(attribute)s in: give a list of 1 to %(most)d values.")
                % {"attribute": attribute, "most": MOST_VALUES}
            )
        return frozenset(_one(attribute, kind, each) for each in value)
    if operator == "between":
        if not isinstance(value, list) or len(value) != 2:
            raise DefinitionError(
                _("%(attribute)s between: give the lowest and the highest value.") % {"attribute": attribute}
            )
        lowest, highest = (None if each is None else _one(attribute, kind, each) for each in value)
        is_open = lowest is None or highest is None
        if (is_open and lowest is highest) or (not is_open and lowest > highest):  # type: ignore[operator]
            raise DefinitionError(
                _("%(attribute)s between: the lowest value comes first, and one of them may be null.")
                % {"attribute": attribute}
            )
        return (lowest, highest)
    found = _one(attribute, kind, value)
    if operator == "matches" and found.count("*") > MOST_STARS:
        raise DefinitionError(
            _("%(attribute)s matches: at most %(most)d stars.") % {"attribute": attribute, "most": MOST_STARS}
        )
    return found


def _one(attribute: str, kind: str, value: Any) -> Any:
    if kind == NUMBER:
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 10**15:
            raise DefinitionError(_("%(attribute)s is compared with a number.") % {"attribute": attribute})
        return value
    if kind == YES_NO:
        if not isinstance(value, bool):
            raise DefinitionError(_("%(attribute)s is compared with true or false.") % {"attribute": attribute})
        return value
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST:
        raise DefinitionError(
            _("%(attribute)s is compared with a text of 1 to %(most)d characters.")
            % {"attribute": attribute, "most": LONGEST}
        )
    return value.casefold()


def _of_words(operator: str, value: Any) -> Check:
    """A set of words fits where one of them does."""
    one = _check(operator, value, is_text=True)
    return lambda found: any(map(one, found))


def _check(operator: str, value: Any, *, is_text: bool) -> Check:
    if is_text:
        return _text_check(operator, value)
    if operator == "is":
        return lambda found: bool(found == value)
    if operator == "in":
        return lambda found: found in value
    lowest, highest = value
    return lambda found: (lowest is None or found >= lowest) and (highest is None or found <= highest)


def _text_check(operator: str, value: Any) -> Check:
    """Texts ignore case; `value` is in its folded form already."""
    if operator == "is":
        return lambda found: bool(found.casefold() == value)
    if operator == "in":
        return lambda found: found.casefold() in value
    if operator == "matches":
        return _pattern(value)
    lowest, highest = value
    return lambda found: (
        (lowest is None or found.casefold() >= lowest) and (highest is None or found.casefold() <= highest)
    )


def _pattern(value: str) -> Check:
    # A star stands for any text and a question mark for one character. A bracket stands for itself.
    matched = re.compile(fnmatch.translate(value.replace("[", "[[]"))).match
    return lambda found: matched(found.casefold()) is not None
