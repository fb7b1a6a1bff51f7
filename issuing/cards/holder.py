"""What a cardholder does with their own card. Staff's actions on the same cards are in service.py."""

from typing import Final

from django.conf import settings
from django.db.models import Q

from issuing import states
from issuing.cards import service
from issuing.models import CardChange, VirtualCard
from wallet.models import Case

REASON: Final = "Frozen by the cardholder."
OWES: Final = "A purchase with this card is not paid yet. Once it is paid, the card can be unfrozen."
NOT_YOURS: Final = "You did not freeze this card yourself, so only our support can unfreeze it: ask them."


def freeze(card: VirtualCard) -> VirtualCard:
    """Stops new purchases at once; raises CardRefusedError for a card that cannot be frozen, such as a frozen one."""
    return service.freeze(card=card, reason=REASON, requested_by=_name(card))


def unfreeze(card: VirtualCard) -> VirtualCard:
    """Asks for the card to be usable again, as soon as the issuer confirms.

    Raises CardRefusedError for a card that is not frozen, and for one that why_not_unfreeze speaks of.
    """
    return service.unfreeze(card=card, requested_by=_name(card), why_not=why_not_unfreeze)


def why_not_unfreeze(card: VirtualCard) -> str:
    """Returns why the holder of a frozen card may not unfreeze it, or "".

    Whoever owes makes no new purchases (FREEZE_ON_RECEIVABLE), also if they froze the card themselves before.
    """
    owed = Case.objects.filter(
        kind=Case.Kind.RECEIVABLE, status=Case.Status.OPEN, obligation__cardholder=card.cardholder_id
    )
    if settings.FREEZE_ON_RECEIVABLE and owed.exists():
        return OWES
    return "" if _froze_it(card) else NOT_YOURS


def is_unfreezing(card: VirtualCard) -> bool:
    """Returns whether the card is frozen, and its unfreezing waits for the issuer."""
    asked = card.changes.filter(kind=CardChange.Kind.UNFREEZE, status__in=states.OPEN_CHANGE)
    return card.status == states.Card.FROZEN and asked.exists()


def _froze_it(card: VirtualCard) -> bool:
    """Whether the last thing that froze the card was its holder; the issuer may have frozen it after that."""
    kinds = CardChange.Kind
    made_usable = Q(kind__in=(kinds.UNFREEZE, kinds.ACTIVATE), status=states.Change.DONE)
    last = card.changes.filter(Q(kind=kinds.FREEZE) | made_usable).order_by("-pk").first()
    return last is not None and last.kind == kinds.FREEZE and last.requested_by == _name(card)


def _name(card: VirtualCard) -> str:
    """The holder's name in the audit trail."""
    return f"user:{card.cardholder.user_id}"
