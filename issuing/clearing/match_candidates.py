"""Which purchases a movement can be of, and which of them take a second person; only reads.

One person joins it with a purchase of whoever carries the card that it came on. Whatever crosses cardholders takes two
people: a movement of one that names, or is joined with, a purchase of another (docs/decisions/0028).
"""

from django.db.models import Case, Q, QuerySet, Value, When

from issuing.inbox import references as event_references
from issuing.models import Authorization, CardTransaction, VirtualCard
from wallet.models import Cardholder

Type = CardTransaction.Type


def candidates(kept: CardTransaction) -> QuerySet[Authorization]:
    """Returns the purchases of its cardholder that money was taken for, those of its merchant first, then the newest.

    A capture may be the first of its purchase, so for one it is all purchases of its cardholder. Of a movement that
    contradicts itself the purchase that it names is among them, whoever's it is.
    """
    cards = _cards(kept)
    theirs = Q(card__in=cards)
    if kept.transaction_type != Type.SETTLEMENT:
        on_theirs = Q(card__in=cards) | Q(authorization__card__in=cards)
        captured = CardTransaction.objects.filter(on_theirs, transaction_type=Type.SETTLEMENT)
        theirs = Q(theirs | Q(card=None), pk__in=captured.values("authorization"))
    named = _named(kept)
    if named is not None:
        theirs |= Q(pk=named.pk)
    is_other = Case(When(merchant_name=kept.merchant_name, then=Value(0)), default=Value(1))
    return Authorization.objects.filter(theirs).order_by(is_other, "-created_at")


def takes_two(kept: CardTransaction, purchase: Authorization | None) -> bool:
    """Returns whether it came on one cardholder's card and is, or becomes, joined with another's purchase."""
    holders = {each.pk for each in (holder_of(kept), *map(_holder, (kept.authorization, purchase))) if each is not None}
    return len(holders) > 1 or (purchase is not None and kept.is_contradicted and kept.card is None)


def holder_of(kept: CardTransaction) -> Cardholder | None:
    """Who carries the card that it came on; where nobody here has that card, whose purchase it is joined with."""
    return kept.card.cardholder if kept.card is not None else _holder(kept.authorization)


def _holder(purchase: Authorization | None) -> Cardholder | None:
    return purchase.card.cardholder if purchase is not None and purchase.card is not None else None


def _cards(kept: CardTransaction) -> QuerySet[VirtualCard]:
    return VirtualCard.objects.filter(cardholder=holder_of(kept)) if holder_of(kept) else VirtualCard.objects.none()


def _named(kept: CardTransaction) -> Authorization | None:
    """Returns the purchase that a contradicted movement names, by itself or by its capture."""
    name = kept.issuer_authorization_id
    return event_references.purchase_of(kept.provider, name) if kept.is_contradicted and name else None
