"""A control's definition: the JSON that staff or a cardholder write, checked and compiled into a frozen rule; pure.

{"when": [condition, …],
 "velocity": {"measure": "amount" | "count", "window": …, "trailing_s"?, "most", "currency"?, "per"},   (optional)
 "action": {"kind": "decline" | "flag" | "adjust_hold" | "approve_in_part", "percent"?, "fixed_minor"?, "most_minor"?}}

Without a velocity the action is taken when all conditions hold. With one, the purchases for which they hold are
counted, and the action is taken on a purchase that would go over `most`.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext as _

from issuing.controls.attributes import HISTORY, Attributes
from issuing.controls.conditions import Condition, compile_condition
from issuing.controls.errors import DefinitionError
from onecard.kit.money import MAX_AMOUNT_MINOR, MoneyError, currency_exponent

DECLINE: Final = "decline"
FLAG: Final = "flag"
ADJUST_HOLD: Final = "adjust_hold"
APPROVE_IN_PART: Final = "approve_in_part"
ACTIONS: Final = (DECLINE, FLAG, ADJUST_HOLD, APPROVE_IN_PART)
AMOUNT: Final = "amount"
COUNT: Final = "count"
PURCHASE: Final = "purchase"
TRAILING: Final = "trailing"
WINDOWS: Final = (PURCHASE, TRAILING, "day", "week", "month", "year", "lifetime")
# From the narrowest to the widest: a counter is never of something wider than its control.
SUBJECTS: Final = ("card", "cardholder", "programme")
MOST_CONDITIONS: Final = 20
LONGEST_TRAILING_S: Final = 31 * 86_400
MOST_COUNT: Final = 1_000_000
MOST_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class Velocity:
    """At most `most` minor units or purchases of one subject (`per`) within a window."""

    measure: str
    window: str
    most: int
    per: str
    trailing_s: int = 0
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """What a control does. `percent` and `fixed_minor` are head-room of a hold; `most_minor` is the part approved."""

    kind: str
    percent: int = 0
    fixed_minor: int = 0
    most_minor: int | None = None

    def headroom_minor(self, amount_minor: int) -> int:
        """Returns what is held beyond an amount, in minor units, rounded up."""
        return -(-amount_minor * self.percent // 100) + self.fixed_minor


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled definition; `looks_back` says whether a condition looks at what the card did before."""

    when: tuple[Condition, ...]
    velocity: Velocity | None
    action: Action
    looks_back: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "looks_back", any(each.attribute in HISTORY for each in self.when))

    def applies(self, attributes: Attributes) -> bool:
        """Returns whether all conditions hold, and the purchase is in the currency that an amount is counted in."""
        return self.counts_in(attributes.billing_currency) and all(each.holds(attributes) for each in self.when)

    def counts_in(self, currency: str) -> bool:
        """Returns whether purchases in a currency are looked at: an amount is counted in one currency only."""
        return self.velocity is None or self.velocity.currency in ("", currency)


def compile_definition(written: Any, *, scope: str = "programme") -> Rule:
    """Returns the rule; raises DefinitionError with a sentence that says what is wrong and what would be right."""
    if not isinstance(written, dict) or set(written) - {"when", "velocity", "action"}:
        raise DefinitionError(_("A definition is an object with when, velocity and action."))
    when = written.get("when", [])
    if not isinstance(when, list) or len(when) > MOST_CONDITIONS:
        raise DefinitionError(_("when is a list of at most %(most)d conditions.") % {"most": MOST_CONDITIONS})
    conditions = tuple(map(compile_condition, when))
    velocity = None if written.get("velocity") is None else _velocity(written["velocity"], scope)
    action = _action(written.get("action"), velocity)
    if not conditions and velocity is None:
        raise DefinitionError(_("Give a condition or a velocity: this control would apply to every purchase."))
    return Rule(conditions, velocity, action)


def _velocity(written: Any, scope: str) -> Velocity:
    known = {"measure", "window", "trailing_s", "most", "currency", "per"}
    if not isinstance(written, dict) or set(written) - known:
        raise DefinitionError(_("velocity is an object with measure, window, most and per."))
    measure, window, per = written.get("measure"), written.get("window"), written.get("per", SUBJECTS[0])
    if measure not in (AMOUNT, COUNT):
        raise DefinitionError(_("measure is amount or count."))
    if window not in WINDOWS or (window == PURCHASE and measure == COUNT):
        raise DefinitionError(
            _("window is one of %(names)s; a purchase has an amount only.") % {"names": ", ".join(WINDOWS)}
        )
    if per not in SUBJECTS or SUBJECTS.index(per) > SUBJECTS.index(scope):
        raise DefinitionError(_("per is card, cardholder or programme, and never wider than the control itself."))
    highest = MAX_AMOUNT_MINOR if measure == AMOUNT else MOST_COUNT
    most = _whole(written.get("most"), "most", 0, highest)
    trailing_s = _whole(written.get("trailing_s"), "trailing_s", 1, LONGEST_TRAILING_S) if window == TRAILING else 0
    if window != TRAILING and written.get("trailing_s"):
        raise DefinitionError(_("trailing_s belongs to the window trailing only."))
    return Velocity(measure, window, most, per, trailing_s, _currency(written.get("currency"), measure))


def _currency(value: Any, measure: str) -> str:
    if measure == COUNT:
        if value:
            raise DefinitionError(_("A count has no currency."))
        return ""
    try:
        currency_exponent(value if isinstance(value, str) else "")
    except MoneyError:
        raise DefinitionError(_("An amount is counted in a currency: give its ISO 4217 code.")) from None
    return str(value)


def _action(written: Any, velocity: Velocity | None) -> Action:
    known = {"kind", "percent", "fixed_minor", "most_minor"}
    kind = written.get("kind") if isinstance(written, dict) and not set(written) - known else None
    if kind not in ACTIONS:
        raise DefinitionError(_("action.kind is one of %(names)s.") % {"names": ", ".join(ACTIONS)})
    if kind == ADJUST_HOLD:
        return _headroom(written, velocity)
    if kind == APPROVE_IN_PART and velocity is None:
        return Action(kind, most_minor=_whole(written.get("most_minor"), "most_minor", 1, MAX_AMOUNT_MINOR))
    if kind == APPROVE_IN_PART and velocity is not None and velocity.measure == COUNT:
        raise DefinitionError(_("A part is approved up to an amount, and a count has none."))
    return Action(kind)


def _headroom(written: Any, velocity: Velocity | None) -> Action:
    if velocity is not None:
        raise DefinitionError(_("A hold is adjusted by conditions, without a velocity."))
    percent = _whole(written.get("percent", 0), "percent", 0, MOST_PERCENT)
    fixed_minor = _whole(written.get("fixed_minor", 0), "fixed_minor", 0, MAX_AMOUNT_MINOR)
    if not percent and not fixed_minor:
        raise DefinitionError(_("adjust_hold needs percent or fixed_minor."))
    return Action(ADJUST_HOLD, percent=percent, fixed_minor=fixed_minor)


def _whole(value: Any, name: str, lowest: int, highest: int) -> int:
    if type(value) is not int or not lowest <= value <= highest:
        raise DefinitionError(
            _("%(name)s is a whole number from %(lowest)d to %(highest)d.")
            % {"name": name, "lowest": lowest, "highest": highest}
        )
    return value
