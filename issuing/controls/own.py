"""The controls that a cardholder puts on their own card: for a single purchase, or for one merchant only."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from issuing import locking, states
from issuing.controls import life
from issuing.controls.errors import DefinitionError, MoveError
from issuing.models import Control, ControlVersion, VelocityCounter, VirtualCard
from onecard.kit.transactions import transaction

SINGLE_USE: Final = "single_use_card_used"
OTHER_MERCHANT: Final = "locked_to_another_merchant"
# What the cardholder calls them.
SINGLE: Final = "single_use"
MERCHANT: Final = "merchant_lock"
OWN_KINDS: Final = (SINGLE, MERCHANT)
KINDS: Final = dict(zip((SINGLE_USE, OTHER_MERCHANT), OWN_KINDS, strict=True))


@dataclass(frozen=True, slots=True)
class Own:
    """A control as its cardholder sees it; `is_used` is of a single-use card whose purchase was made."""

    public_id: uuid.UUID
    kind: str
    merchant_name: str
    network_id: str
    is_used: bool
    created_at: dt.datetime


def make_single_use(card: VirtualCard, *, actor: str) -> ControlVersion:
    """Has the card decline everything after one approved purchase; a check for no amount is none. Raises MoveError."""
    velocity = {"measure": "count", "window": "lifetime", "most": 1, "per": "card"}
    return _put_on(
        card,
        name="Single-use card",
        reason_code=SINGLE_USE,
        sentence="This card was for a single purchase, which has been made.",
        definition={"velocity": velocity, "action": {"kind": "decline"}},
        actor=actor,
    )


def lock_to_merchant(card: VirtualCard, *, network_id: str = "", name: str = "", actor: str) -> ControlVersion:
    """Has the card decline every other merchant; one network id or name that fits is enough, since a merchant has many.

    Raises DefinitionError without both, and MoveError when the card is locked to a merchant already.
    """
    known = {"merchant_id": network_id.strip(), "merchant_name": name.strip()}
    when = [
        {"attribute": attribute, "operator": "is", "value": value, "negate": True, "if_unknown": True}
        for attribute, value in known.items()
        if value
    ]
    if not when:
        raise DefinitionError(gettext_lazy("Name the merchant, by its network id or its name."))
    return _put_on(
        card,
        name="Merchant-locked card",
        reason_code=OTHER_MERCHANT,
        sentence="This card pays at one merchant only, and this is another one.",
        definition={"when": when, "action": {"kind": "decline"}},
        actor=actor,
    )


def active_of(card: VirtualCard) -> QuerySet[ControlVersion]:
    """Selects the active controls that the cardholder put on this card, the oldest first."""
    active = ControlVersion.objects.filter(control__card=card, control__origin=Control.Origin.HOLDER)
    return active.filter(state=states.ControlState.ACTIVE).select_related("control").order_by("pk")


def own_controls(card: VirtualCard) -> list[ControlVersion]:
    """Returns these controls."""
    return list(active_of(card))


def list_of(card: VirtualCard) -> list[Own]:
    """Returns these controls as their cardholder sees them."""
    return [shown(each) for each in own_controls(card)]


def shown(version: ControlVersion) -> Own:
    """Returns one control as its cardholder sees it."""
    when = version.definition.get("when") or []
    merchant = {each["attribute"]: str(each["value"]) for each in when}
    return Own(
        public_id=version.control.public_id,
        kind=KINDS.get(version.reason_code, version.reason_code),
        merchant_name=merchant.get("merchant_name", ""),
        network_id=merchant.get("merchant_id", ""),
        is_used=VelocityCounter.objects.filter(version=version, count__gt=0).exists(),
        created_at=version.control.created_at,
    )


def remove_own(version: ControlVersion, *, actor: str) -> ControlVersion:
    """Takes a control off the card again; raises MoveError for one of staff, or one that has ended."""
    if version.control.origin != Control.Origin.HOLDER:
        raise MoveError(gettext_lazy("This control was not put on the card by its cardholder."))
    return life.switch_off(version, actor=actor, reason="Taken off by its cardholder.")


def _put_on(card: VirtualCard, *, name: str, reason_code: str, actor: str, **written: Any) -> ControlVersion:
    if card.status == states.Card.CLOSED:
        raise MoveError(gettext_lazy("This card is closed for good."))
    with transaction():
        # Two requests at once wait for each other, so that the card gets one.
        locking.lock_card(card.pk)
        if active_of(card).filter(reason_code=reason_code).exists():
            raise MoveError(gettext_lazy("The card has this control already."))
        version = life.create(
            name=name, reason_code=reason_code, actor=actor, card=card, origin=Control.Origin.HOLDER, **written
        )
        life.to_shadow(version, actor=actor)
        return life.activate(version, actor=actor)
