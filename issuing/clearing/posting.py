"""Posts a recorded movement once its purchase is known, and exchanges it if it is in another currency.

The amount due for the purchase follows (issuing/billing/amount_due.py), from the converted amount
(issuing/clearing/currency_conversion.py). A reversal within a dispute is posted only after the movement that it
reverses: a chargeback that never moved money cannot be reversed.
"""

from django.db.models import QuerySet

from issuing import locking
from issuing.billing import amount_due, review_cases
from issuing.clearing import currency_conversion
from issuing.clearing.transaction_rows import TAKES_BACK, dispute_of
from issuing.models import CardTransaction
from wallet.ledger import postings as ledger

Type = CardTransaction.Type
Processing = CardTransaction.Processing
# The posting of each type, and whether debit and credit are swapped.
POSTINGS: dict[str, tuple[str, bool]] = {
    Type.SETTLEMENT: (ledger.Kind.CAPTURE, False),
    Type.REFUND: (ledger.Kind.MERCHANT_REFUND, False),
    Type.CHARGEBACK: (ledger.Kind.CHARGEBACK, False),
    Type.CHARGEBACK_REVERSAL: (ledger.Kind.CHARGEBACK, True),
    Type.PROVISIONAL_CREDIT: (ledger.Kind.PROVISIONAL_CREDIT, False),
    Type.PROVISIONAL_DEBIT: (ledger.Kind.PROVISIONAL_CREDIT, True),
}


def book(kept: CardTransaction) -> bool:
    """Posts a movement once its purchase is known, and adjusts the amount due; False when it was posted before.

    Under the purchase's lock.
    """
    purchase = kept.authorization
    # Imported legacy rows have types of their own that post nothing.
    if purchase is None or not kept.amount_minor or kept.transaction_type not in POSTINGS:
        return False
    locking.require_purchase(purchase)
    if kept.transaction_type in TAKES_BACK and not _claim(kept):
        return False
    is_new = _post(kept, purchase.reference)
    is_new |= currency_conversion.exchange(kept, purchase)
    waiting = _taken_back_by(kept)
    if waiting is not None:
        book(waiting)
    if is_new:
        review_cases.open_case_if_nobody_pays(purchase)
    amount_due.follow(purchase, actor=f"issuer:{kept.provider}")
    return is_new


def book_apart(kept: CardTransaction) -> bool:
    """Posts a refund without a purchase under its own reference; False when it was posted before.

    In the caller's transaction. The money stays in clearing until its owner gets it.
    """
    return _post(kept, kept.reference)


def _post(kept: CardTransaction, reference: str) -> bool:
    kind, back = POSTINGS[kept.transaction_type]
    return ledger.post(
        kind=kind,
        key=kept.reference,
        money=kept.money,
        reference=reference,
        occurred_at=kept.occurred_at,
        back=back,
    )


def _claim(kept: CardTransaction) -> bool:
    """Returns whether there is a movement left to reverse; then this row reverses it."""
    if kept.processing_status == Processing.SETTLED:
        return True
    moved = _of_dispute(kept)
    taken = moved.filter(transaction_type=kept.transaction_type, processing_status=Processing.SETTLED).count()
    if moved.filter(transaction_type=TAKES_BACK[kept.transaction_type]).count() <= taken:
        return False
    CardTransaction.objects.filter(pk=kept.pk).update(processing_status=Processing.SETTLED)
    kept.processing_status = Processing.SETTLED
    return True


def _taken_back_by(kept: CardTransaction) -> CardTransaction | None:
    """Returns the reversal that was reported before this movement, if any."""
    by = next((later for later, earlier in TAKES_BACK.items() if earlier == kept.transaction_type), None)
    if by is None:
        return None
    waiting = _of_dispute(kept).filter(transaction_type=by, processing_status=Processing.PENDING)
    return waiting.order_by("pk").first()


def _of_dispute(kept: CardTransaction) -> QuerySet[CardTransaction]:
    """Returns the dispute's movements of the same purchase, found by purchase because names have no index."""
    rows = CardTransaction.objects.filter(authorization=kept.authorization_id, provider=kept.provider)
    return rows.filter(issuer_transaction_id__startswith=f"{dispute_of(kept)}:")
