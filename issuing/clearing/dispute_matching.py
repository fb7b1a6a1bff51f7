"""Which purchase a dispute is of, by a person's word, where its messages name things that do not belong together."""

from django.db.models import Q, QuerySet

from issuing.clearing import dispute_money, posting, refund_matching
from issuing.clearing.transaction_rows import dispute_of
from issuing.models import CardTransaction, Dispute

Type = CardTransaction.Type
MOVES = (Type.CHARGEBACK, Type.CHARGEBACK_REVERSAL, Type.PROVISIONAL_CREDIT, Type.PROVISIONAL_DEBIT)


def is_of_dispute(kept: CardTransaction) -> bool:
    """Returns whether a dispute moved it."""
    return kept.transaction_type in MOVES


def join(kept: CardTransaction, *, because: str, actor: str) -> None:
    """Joins the dispute, and all that it moved, with the purchase that `kept` has just been joined with.

    What its issuer reports of it on the same card later belongs there too (disputes/lifecycle.py). Runs in the caller's
    transaction, under the locks of the dispute and the purchase.
    """
    purchase = kept.authorization
    assert purchase is not None  # noqa: S101  (it has just been joined)
    for other in list(_moved(kept, Q(authorization=None, of_no_purchase_at=None))):
        refund_matching.link(other, purchase.pk, because=because, actor=actor)
    known = Dispute.objects.filter(provider=kept.provider, issuer_dispute_id=dispute_of(kept))
    for dispute in known:
        captures = CardTransaction.objects.filter(authorization=purchase, transaction_type=Type.SETTLEMENT)
        capture = captures.filter(issuer_transaction_id=dispute.issuer_transaction_id).first()
        Dispute.objects.filter(pk=dispute.pk).update(authorization=purchase, transaction=capture)
    for moved in _moved(kept, Q(authorization=purchase)):
        posting.book(moved)
    for dispute in known.all():
        dispute_money.watch(dispute)


def _moved(kept: CardTransaction, where: Q) -> QuerySet[CardTransaction]:
    """Returns the movements of its dispute, in the order in which they were recorded.

    `where` filters by purchase, which has an index; the ids of movements by prefix have none.
    """
    rows = CardTransaction.objects.filter(where, provider=kept.provider)
    return rows.filter(issuer_transaction_id__startswith=f"{dispute_of(kept)}:").order_by("pk")
