"""What a cardholder does with their own card. Staff's actions on the same cards are in service.py."""

from typing import Final

from issuing import states
from issuing.cards import service
from issuing.cards.holder_rights import why_not_undo
from issuing.models import CardChange, VirtualCard

REASON: Final = "Frozen by the cardholder."


def freeze(card: VirtualCard) -> VirtualCard:
    """Stops new purchases at once; raises CardRefusedError for a card that cannot be frozen, such as a frozen one."""
    return service.freeze(card=card, reason=REASON, requested_by=_name(card))


def unfreeze(card: VirtualCard) -> VirtualCard:
    """Asks for the card to be usable again, as soon as the issuer confirms.

    Raises CardRefusedError for a card that is not frozen, and for one that why_not_unfreeze speaks of.
    """
    return service.unfreeze(card=card, requested_by=_name(card))


def why_not_unfreeze(card: VirtualCard) -> str:
    """Returns why the holder of a frozen card may not unfreeze it, or ""."""
    return why_not_undo(card)


def is_unfreezing(card: VirtualCard) -> bool:
    """Returns whether the card is frozen, and its unfreezing waits for the issuer."""
    asked = card.changes.filter(kind=CardChange.Kind.UNFREEZE, status__in=states.OPEN_CHANGE)
    return card.status == states.Card.FROZEN and asked.exists()


def _name(card: VirtualCard) -> str:
    """Returns the holder's name in the audit trail."""
    return f"user:{card.cardholder.user_id}"
