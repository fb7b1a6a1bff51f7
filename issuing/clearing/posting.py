"""A recorded movement in the books: posted once its purchase is known, exchanged where it is in another currency.

What is owed for the purchase follows it (issuing/billing/amount_due.py), by what it is worth there
(issuing/clearing/currency_conversion.py). What takes an earlier movement of a dispute back is booked only once that one
is: a chargeback that never moved money cannot be taken back.
"""

from django.db.models import QuerySet

from issuing import locking
from issuing.billing import amount_due, review_cases
from issuing.clearing import currency_conversion
from issuing.clearing.transaction_rows import TAKES_BACK
from issuing.models import CardTransaction
from wallet.ledger import postings as ledger

Type = CardTransaction.Type
Processing = CardTransaction.Processing
# What each type posts, and whether turned round.
POSTINGS: dict[str, tuple[str, bool]] = {
    Type.SETTLEMENT: (ledger.Kind.CAPTURE, False),
    Type.REFUND: (ledger.Kind.MERCHANT_REFUND, False),
    Type.CHARGEBACK: (ledger.Kind.CHARGEBACK, False),
    Type.CHARGEBACK_REVERSAL: (ledger.Kind.CHARGEBACK, True),
    Type.PROVISIONAL_CREDIT: (ledger.Kind.PROVISIONAL_CREDIT, False),
    Type.PROVISIONAL_DEBIT: (ledger.Kind.PROVISIONAL_CREDIT, True),
}


def book(kept: CardTransaction) -> bool:
    """Posts a movement once its purchase is known, and has what the cardholder pays follow it; False when it was there.

    In the caller's transaction.
    """
    purchase = kept.authorization
    # Old documents have types of their own that post nothing.
    if purchase is None or not kept.amount_minor or kept.transaction_type not in POSTINGS:
        return False
    locking.lock_card(purchase.card_id)
    locking.lock_purchase(purchase.provider, purchase.issuer_authorization_id)
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
    """Posts a refund that is of no purchase, under its own name; False when it was there. In the caller's transaction.

    It is in clearing until its owner has it.
    """
    return _post(kept, kept.reference)


def _dispute_of(kept: CardTransaction) -> str:
    """The issuer's id of the dispute that moved this money; it stands before the movement's (disputes/lifecycle.py)."""
    return kept.issuer_transaction_id.partition(":")[0]


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
    """Whether there is something left to take back; then the row is settled by this."""
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
    """What was told before the movement that it takes back."""
    by = next((later for later, earlier in TAKES_BACK.items() if earlier == kept.transaction_type), None)
    if by is None:
        return None
    waiting = _of_dispute(kept).filter(transaction_type=by, processing_status=Processing.PENDING)
    return waiting.select_for_update(no_key=True, of=("self",)).order_by("pk").first()


def _of_dispute(kept: CardTransaction) -> QuerySet[CardTransaction]:
    """All that it moved for the same purchase: by the purchase, since names are no index to search by."""
    rows = CardTransaction.objects.filter(authorization=kept.authorization_id, provider=kept.provider)
    return rows.filter(issuer_transaction_id__startswith=f"{_dispute_of(kept)}:")
