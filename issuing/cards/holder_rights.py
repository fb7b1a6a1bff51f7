"""What the holder of a card may do with it by themselves, and what only One Card or the issuer may."""

from typing import Final

from django.conf import settings
from django.db.models import Sum

from issuing import states
from issuing.errors import FrozenByOthersError, MoneyUnderWayError
from issuing.models import Authorization, CardChange, CardFunding, VirtualCard
from onecard.kit.money import Money
from wallet.models import Cardholder, Case

OWES: Final = "A purchase with this card is not paid yet. Once it is paid, the card can be unfrozen."
WHO_CAN_UNDO: Final = {
    states.Stopper.ISSUER: "The issuer stopped this card, so only our support can unfreeze it: ask them.",
    states.Stopper.ONE_CARD: "One Card froze this card, so only our support can unfreeze it: ask them.",
}


def is_holder(cardholder: Cardholder, requested_by: str) -> bool:
    """Returns whether the actor of a request is the person who carries the card."""
    return requested_by == f"user:{cardholder.user_id}"


def stopper(card: VirtualCard, requested_by: str) -> states.Stopper:
    """Returns who freezes the card, for its row."""
    return states.Stopper.HOLDER if is_holder(card.cardholder, requested_by) else states.Stopper.ONE_CARD


def stopped_by(card: VirtualCard) -> str:
    """Returns who froze or suspended the card, or "" for one that is neither."""
    return (card.frozen_by or states.Stopper.ONE_CARD) if card.status in states.STOPPED_CARD else ""


def refuse_undoing(card: VirtualCard, requested_by: str) -> None:
    """Raises FrozenByOthersError when the holder would undo what One Card or the issuer did, or owes."""
    why_not = why_not_undo(card)
    if why_not and is_holder(card.cardholder, requested_by):
        raise FrozenByOthersError(why_not)


def why_not_undo(card: VirtualCard) -> str:
    """Returns why the holder of a frozen or suspended card may not make it usable again, or "".

    Whoever owes makes no new purchases (FREEZE_ON_RECEIVABLE), also if they froze the card themselves before.
    """
    who = stopped_by(card)
    if not who:
        return ""
    receivables = Case.objects.filter(kind=Case.Kind.RECEIVABLE, status=Case.Status.OPEN)
    if settings.FREEZE_ON_RECEIVABLE and receivables.filter(obligation__cardholder=card.cardholder_id).exists():
        return OWES
    return "" if who == states.Stopper.HOLDER else WHO_CAN_UNDO[states.Stopper(who)]


def refuse_closing(card: VirtualCard, requested_by: str) -> None:
    """Raises MoneyUnderWayError when the holder would close a card that money still moves on, under its lock."""
    if not is_holder(card.cardholder, requested_by):
        return
    open_purchases = Authorization.objects.filter(card=card, status=states.Authorization.APPROVED)
    held = open_purchases.aggregate(total=Sum("approved_minor", default=0))["total"]
    if held:
        raise MoneyUnderWayError(
            f"Purchases of {Money(held, card.currency)} are not settled yet: freeze the card now, and close it once "
            "they are."
        )
    if CardFunding.objects.filter(card=card, status=states.Funding.REQUESTED).exists():
        raise MoneyUnderWayError("A top-up of this card is under way: close it once that has ended.")


def actions(card: VirtualCard) -> list[str]:
    """Returns what its holder may ask for now, by the names of the API's routes."""
    if card.status == states.Card.CLOSED:
        return []
    is_made, is_free = bool(card.issuer_card_id), not why_not_undo(card)
    legal = {
        "activate": is_made and card.status == states.Card.PENDING,
        "freeze": card.status == states.Card.ACTIVE,
        "unfreeze": card.status == states.Card.FROZEN and is_free,
        "replace": is_made and is_free,
        "close": True,
    }
    return [name for name, is_legal in legal.items() if is_legal]


def under_way(card: VirtualCard) -> str:
    """Returns the kind of the card's oldest change that its issuer has not carried out yet, or ""."""
    waiting = CardChange.objects.filter(card=card, status__in=states.OPEN_CHANGE).order_by("pk")
    return waiting.values_list("kind", flat=True).first() or ""
