"""Saying by hand which purchase a refund is of, where its issuer did not say and more than one can be it, or none."""

from django.db.models import Case, QuerySet, Value, When

from issuing import booking, locking, refunds
from issuing.models import Authorization, CardTransaction
from onecard.kit import transactions
from onecard.kit.errors import OneCardError

LONGEST_REASON = 200


class LinkRefusedError(OneCardError):
    """The refund cannot be joined with that purchase; the message says why, for staff."""

    code = "link_refused"


def link_by_hand(*, refund: CardTransaction, purchase: Authorization, reason: str, actor: str) -> None:
    """Joins a refund with a purchase of the same card, once and for good; what the cardholder gets back follows.

    Safe when two do it at once. Raises LinkRefusedError, and then nothing has changed.
    """
    words = reason.strip()
    if not 0 < len(words) <= LONGEST_REASON:
        raise LinkRefusedError(f"Give a reason of 1 to {LONGEST_REASON} characters.")
    with transactions.transaction():
        locking.lock_card(refund.card_id)
        locking.lock_purchase(purchase.provider, purchase.issuer_authorization_id)
        kept = CardTransaction.objects.get(pk=refund.pk)
        _refuse(why_not(kept))
        if not candidates(kept).filter(pk=purchase.pk).exists():
            raise LinkRefusedError("That is no purchase of the refund's card that a merchant has taken money for.")
        if not refunds.link(kept, purchase.pk, because=words, actor=actor):
            raise LinkRefusedError("Somebody has just said of which purchase it is: look again.")
        booking.book(kept)


def why_not(kept: CardTransaction) -> str:
    """Why nobody can say which purchase a movement is of, in a sentence for staff; "" while that is needed."""
    if kept.authorization_id is not None:
        return "It is known already which purchase this is of."
    if kept.source == CardTransaction.Source.LEGACY:
        return "This is from an old document: what became of its money was settled before our time."
    if not refunds.is_unlinked(kept):
        return "Only a refund that names no purchase can be joined by hand: others find theirs by its name."
    return "" if kept.card_id else "It is not known on which card this refund came, so there is nothing to choose from."


def candidates(kept: CardTransaction) -> QuerySet[Authorization]:
    """The purchases of its card that money was taken for, those of its merchant first, then the newest."""
    captured = CardTransaction.objects.filter(card=kept.card_id, transaction_type=CardTransaction.Type.SETTLEMENT)
    purchases = Authorization.objects.filter(pk__in=captured.values("authorization"))
    is_other = Case(When(merchant_name=kept.merchant_name, then=Value(0)), default=Value(1))
    return purchases.order_by(is_other, "-created_at")


def _refuse(why: str) -> None:
    if why:
        raise LinkRefusedError(why)
