"""Evaluates the controls in force on one purchase; pure: no clock, no database.

What needs a counter is not decided here: it is demanded, and the committing statement checks it under its lock
(issuing/sql/record_decision.sql).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from issuing.controls.attributes import Attributes
from issuing.controls.definition import ADJUST_HOLD, APPROVE_IN_PART, DECLINE, PURCHASE, TRAILING, Rule, Velocity


@dataclass(frozen=True, slots=True)
class ControlInForce:
    """An active or shadow version of a control as the decision needs it; `card_id` is of a control of one card.

    `counted` is its velocity where that needs a counter; the one of a single purchase does not. `counter` is what the
    committing statement is told of that counter, whoever buys (issuing/controls/velocity.py).
    """

    version_id: int
    control_id: int
    name: str
    reason: str
    sentence: str
    is_shadow: bool
    rule: Rule
    excluded_cards: frozenset[int] = frozenset()
    excluded_cardholders: frozenset[int] = frozenset()
    card_id: int | None = None
    counted: Velocity | None = field(init=False)
    counter: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        velocity = self.rule.velocity
        counted = velocity if velocity is not None and velocity.window != PURCHASE else None
        object.__setattr__(self, "counted", counted)
        object.__setattr__(self, "counter", self._counter(counted) if counted else {})

    def _counter(self, velocity: Velocity) -> Mapping[str, Any]:
        return {
            "version": self.version_id,
            "measure": velocity.measure,
            "most": velocity.most,
            "trailing_s": velocity.trailing_s if velocity.window == TRAILING else 0,
            "action": self.rule.action.kind,
            "in_shadow": self.is_shadow,
            "reason": self.reason,
        }

    def includes(self, attributes: Attributes) -> bool:
        """Returns whether neither the card nor its cardholder is left out."""
        if not self.excluded_cards and not self.excluded_cardholders:
            return True
        return not (attributes.card_id in self.excluded_cards or attributes.cardholder_id in self.excluded_cardholders)

    def subject_id(self, attributes: Attributes) -> int:
        """Returns the key of the counter's subject: the card, the cardholder, or 0 for the programme.

        A card that takes the place of the control's own counts in that one's counter.
        """
        per = self.rule.velocity.per if self.rule.velocity else "card"
        if per == "card":
            return attributes.card_id if self.card_id is None else self.card_id
        return attributes.cardholder_id if per == "cardholder" else 0


@dataclass(frozen=True, slots=True)
class Pass:
    """A cardholder's "it was me": one retry at the same merchant, up to an amount, passes the named control."""

    id: int
    control_id: int
    merchant_id: str
    merchant_name: str
    most_minor: int

    def fits(self, control: ControlInForce, attributes: Attributes) -> bool:
        same = (attributes.merchant_id or "", attributes.merchant_name or "") == (self.merchant_id, self.merchant_name)
        return self.control_id == control.control_id and same and attributes.amount <= self.most_minor


class Hit(NamedTuple):
    """A control that took its action, or would have: for a shadow version, nothing follows from it."""

    version_id: int
    action: str
    in_shadow: bool
    amount_minor: int


class Demand(NamedTuple):
    """A counter that the purchase counts in, and what it may reach; `pass_id` is a pass that lets it go over, or 0."""

    control: ControlInForce
    velocity: Velocity
    subject_id: int
    pass_id: int = 0


class Outcome(NamedTuple):
    """What the controls say: the first decline or None, the part that is approved or None, and what else follows.

    Where `declined` is given, nothing is flagged, held beyond the amount, or approved in part.
    """

    declined: ControlInForce | None = None
    part_minor: int | None = None
    headroom_minor: int = 0
    hits: tuple[Hit, ...] = ()
    demands: tuple[Demand, ...] = ()
    pass_ids: tuple[int, ...] = ()


NOTHING = Outcome()


def evaluate(controls: Sequence[ControlInForce], attributes: Attributes, *, passes: Sequence[Pass] = ()) -> Outcome:
    """Returns what follows for one purchase. Controls take effect in the order in which they are given."""
    covering = [each for each in controls if each.rule.applies(attributes) and each.includes(attributes)]
    return of_covering(covering, attributes, passes=passes)


def of_covering(covering: Sequence[ControlInForce], attributes: Attributes, *, passes: Sequence[Pass] = ()) -> Outcome:
    """Returns what follows of the controls that cover a purchase, given in the order in which they take effect."""
    if not covering:
        return NOTHING
    demands, fired = [], []
    for each in covering:
        if each.counted is not None:
            demands.append(_demand(each, each.counted, attributes, passes))
        elif _is_over_purchase(each, attributes):
            fired.append(each)
    return _fired(fired, attributes, passes, tuple(demands)) if fired else Outcome(demands=tuple(demands))


def _fired(
    fired: Sequence[ControlInForce], attributes: Attributes, passes: Sequence[Pass], demands: tuple[Demand, ...]
) -> Outcome:
    """Returns what follows where controls without a counter take their action, or would."""
    shadows = tuple(_hit(each, attributes) for each in fired if each.is_shadow)
    active = [each for each in fired if not each.is_shadow]
    let_go = {each.version_id: found for each in active if (found := _pass_for(each, attributes, passes))}
    remaining = [each for each in active if each.version_id not in let_go]
    declined = next((each for each in remaining if _stops(each, attributes)), None)
    if declined is not None:
        return Outcome(declined=declined, hits=(*shadows, _hit(declined, attributes, DECLINE)), demands=demands)
    return _approved(remaining, attributes, shadows, demands, tuple(each.id for each in let_go.values()))


def _approved(
    active: Sequence[ControlInForce],
    attributes: Attributes,
    shadows: tuple[Hit, ...],
    demands: tuple[Demand, ...],
    pass_ids: tuple[int, ...],
) -> Outcome:
    parts = [_part_of(each, attributes) for each in active if each.rule.action.kind == APPROVE_IN_PART]
    amount_minor = min([attributes.purchase_minor, *parts])
    return Outcome(
        part_minor=amount_minor if parts else None,
        headroom_minor=max((_headroom_minor(each, amount_minor) for each in active), default=0),
        hits=(*shadows, *(_hit(each, attributes) for each in active)),
        demands=demands,
        pass_ids=pass_ids,
    )


def _is_over_purchase(control: ControlInForce, attributes: Attributes) -> bool:
    """Returns whether a control without a counter takes its action."""
    velocity, action = control.rule.velocity, control.rule.action
    if velocity is not None:
        return attributes.amount > velocity.most
    return action.kind != APPROVE_IN_PART or attributes.purchase_minor > (action.most_minor or 0)


def _stops(control: ControlInForce, attributes: Attributes) -> bool:
    """Returns whether it declines: so does a part that the issuer does not let us approve, or that is nothing."""
    if control.rule.action.kind == APPROVE_IN_PART:
        return not attributes.is_amount_controllable or _part_of(control, attributes) <= 0
    return control.rule.action.kind == DECLINE


def _part_of(control: ControlInForce, attributes: Attributes) -> int:
    """Returns the part of this round that may be approved, in minor units."""
    velocity = control.rule.velocity
    if velocity is not None:
        return velocity.most - (attributes.amount - attributes.purchase_minor)
    return control.rule.action.most_minor or 0


def _headroom_minor(control: ControlInForce, amount_minor: int) -> int:
    return control.rule.action.headroom_minor(amount_minor) if control.rule.action.kind == ADJUST_HOLD else 0


def _pass_for(control: ControlInForce, attributes: Attributes, passes: Sequence[Pass]) -> Pass | None:
    return next((each for each in passes if each.fits(control, attributes)), None)


def _demand(control: ControlInForce, velocity: Velocity, attributes: Attributes, passes: Sequence[Pass]) -> Demand:
    found = _pass_for(control, attributes, passes) if passes and not control.is_shadow else None
    return Demand(control, velocity, control.subject_id(attributes), found.id if found else 0)


def _hit(control: ControlInForce, attributes: Attributes, action: str = "") -> Hit:
    return Hit(control.version_id, action or control.rule.action.kind, control.is_shadow, attributes.purchase_minor)
