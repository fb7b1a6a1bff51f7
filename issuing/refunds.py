"""Which purchase a refund belongs to when it names none: Marqeta's never do, Stripe's link can be missing."""

from django.db.models import QuerySet

from audit import trail
from issuing.models import CardTransaction
from onecard.kit.transactions import require_transaction

Type = CardTransaction.Type


def join(kept: CardTransaction) -> CardTransaction | None:
    """Joins the one refund that names no purchase with the one capture that it can be of; gives the refund if it did.

    They are alike in card, merchant and amount, and it must be one of each: among several nobody guesses (Stripe facts,
    section 4, refunds). Whichever of the two is recorded last brings them together.
    """
    require_transaction("The link of a refund to its purchase")
    if not (kept.card_id and kept.merchant_name):
        return None
    alike = CardTransaction.objects.filter(
        card=kept.card_id,
        amount_minor=kept.amount_minor,
        currency=kept.currency,
        merchant_name=kept.merchant_name,
        mcc=kept.mcc,
    )
    refund, capture = _only(alike, Type.REFUND), None
    if refund is not None:
        capture = _only(alike, Type.SETTLEMENT)
    if refund is None or capture is None:
        return None
    joins = _is_unclaimed(refund) and capture.authorization_id is not None and _link(refund, capture)
    return refund if joins else None


def _only(alike: QuerySet[CardTransaction], kind: str) -> CardTransaction | None:
    found = list(alike.filter(transaction_type=kind)[:2])
    return found[0] if len(found) == 1 else None


def _is_unclaimed(refund: CardTransaction) -> bool:
    return refund.authorization_id is None and not refund.issuer_authorization_id


def _link(refund: CardTransaction, capture: CardTransaction) -> bool:
    unlinked = CardTransaction.objects.filter(pk=refund.pk, authorization=None)
    if unlinked.update(authorization=capture.authorization_id) != 1:
        return False
    refund.refresh_from_db()
    trail.record(
        actor="system:refunds",
        action="transaction.linked",
        subject=refund,
        authorization=capture.authorization_id,
        because="the only capture of this card, merchant and amount",
    )
    return True
