"""Which controls may decline a purchase that stand-in approves: stand-in has no counter, no history and no pass; pure.

Stand-in approves no cash by itself, so a control of cash alone cannot decline what it approves.
"""

from collections.abc import Iterable

from issuing.controls.definition import FLAG
from issuing.controls.evaluation import ControlInForce


def may_decline(controls: Iterable[ControlInForce], *, card: int, cardholder: int) -> bool:
    """Returns whether an active control of this card or cardholder, by their keys, may decline what is no cash."""
    return any(
        _may_decline(each)
        for each in controls
        if card not in each.excluded_cards and cardholder not in each.excluded_cardholders
    )


def _may_decline(control: ControlInForce) -> bool:
    return not control.is_shadow and control.rule.action.kind != FLAG and not _is_of_cash(control)


def _is_of_cash(control: ControlInForce) -> bool:
    return any(
        each.attribute == "cash" and each.value is True and not each.negate and not each.if_unknown
        for each in control.rule.when
    )
