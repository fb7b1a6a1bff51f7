"""Corrects a link: moves a capture or a refund to another purchase of its card.

The ledger never changes a row. Two correcting postings move the amount from the one purchase to the other, and what the
cardholder pays for both follows (docs/decisions/0028).
"""

from typing import Any

from django.db.models import QuerySet

from audit import trail
from issuing import locking
from issuing.billing import amount_due, overpayment, review_cases
from issuing.clearing import manual_matching
from issuing.clearing.manual_matching import LinkRefusedError
from issuing.clearing.posting import POSTINGS
from issuing.inbox import references as event_references
from issuing.models import Authorization, CardTransaction, Dispute
from onecard.kit import clock
from onecard.kit.reasons import checked_reason
from onecard.kit.transactions import transaction
from wallet.ledger import postings as ledger
from wallet.models import Posting

Type = CardTransaction.Type


def relink(*, movement: CardTransaction, purchase: Authorization | None, reason: str, actor: str) -> None:
    """Moves a capture or a refund to another purchase of its card, or a refund to none.

    `movement` has the purchase that the person saw. Concurrent calls are safe. Raises LinkRefusedError, and then
    nothing has changed.
    """
    words = checked_reason(reason, error=LinkRefusedError)
    with transaction():
        wrong = _lock(movement, purchase)
        kept = CardTransaction.objects.select_for_update(no_key=True, of=("self",)).get(pk=movement.pk)
        if wrong is None or kept.authorization_id != wrong.pk:
            raise LinkRefusedError("Somebody has just changed what this is joined with: look again.")
        manual_matching.refuse(why_not(kept) or _why_not_there(kept, purchase))
        number = Posting.objects.filter(key__startswith=f"relinked:{kept.pk}:").count() // 2 + 1
        _post(kept, wrong.reference, key=f"relinked:{kept.pk}:{number}:out", turned=True)
        _post(kept, _reference(kept, purchase), key=f"relinked:{kept.pk}:{number}:in", turned=False)
        _write(kept, purchase)
        _note(kept, wrong, purchase, actor=actor, reason=words)
        _follow(kept, wrong, purchase, actor)


def why_not(kept: CardTransaction) -> str:
    """Why the link of a movement cannot be corrected, in a sentence for staff; "" where it can."""
    purchase = kept.authorization
    if purchase is None:
        return "It is joined with no purchase, so there is no link to correct."
    if kept.source == CardTransaction.Source.LEGACY:
        return "This is from an old document: what became of its money was settled before our time."
    if kept.card and purchase.card and not event_references.is_same_holder(kept.card, purchase.card):
        return (
            f"It came on {kept.card} of {kept.card.cardholder}, and its purchase is of {purchase.card.cardholder}: one "
            "person moves no money between two cardholders. Have its issuer correct it."
        )
    if kept.transaction_type not in (Type.SETTLEMENT, Type.REFUND):
        return "What a dispute moved follows the dispute: correct the capture that it is about, or ask its issuer."
    if kept.currency != purchase.currency:
        return "It was exchanged into the purchase's currency, so it stays there: correct it in the issuer's dashboard."
    if not Posting.objects.filter(key=kept.reference).exists():
        return "It moved no money that is in the ledger, so there is nothing to correct."
    if Dispute.objects.filter(authorization=purchase).exists():
        return "The purchase is disputed, and the dispute stays with it: wait for its end, or ask its issuer."
    return ""


def candidates(kept: CardTransaction) -> QuerySet[Authorization]:
    """The other purchases of its card and currency: those at its merchant first, then the newest."""
    others = manual_matching.candidates(kept).filter(currency=kept.currency)
    return others.exclude(pk=kept.authorization_id) if kept.authorization_id is not None else others


def _lock(movement: CardTransaction, purchase: Authorization | None) -> Authorization | None:
    """Locks the cards of both purchases, then both purchases, each in a fixed order; returns the linked purchase."""
    wrong = Authorization.objects.get(pk=movement.authorization_id) if movement.authorization_id is not None else None
    both = [each for each in (wrong, purchase) if each is not None]
    for card_id in sorted({each.card_id for each in both if each.card_id} | {movement.card_id or 0} - {0}):
        locking.lock_card(card_id)
    for each in sorted(both, key=lambda found: (found.provider, found.issuer_authorization_id)):
        locking.lock_purchase(each.provider, each.issuer_authorization_id)
    return wrong


def _why_not_there(kept: CardTransaction, purchase: Authorization | None) -> str:
    if purchase is None:
        return "" if kept.transaction_type == Type.REFUND else "A capture is always of a purchase: choose one."
    if not candidates(kept).filter(pk=purchase.pk).exists():
        return "Choose another purchase of the same card and currency. Nothing is moved to another person's purchase."
    if Dispute.objects.filter(authorization=purchase).exists():
        return "That purchase is disputed: wait for the dispute's end, or ask its issuer."
    return ""


def _reference(kept: CardTransaction, purchase: Authorization | None) -> str:
    return purchase.reference if purchase else kept.reference


def _post(kept: CardTransaction, reference: str, *, key: str, turned: bool) -> None:
    kind, back = POSTINGS[kept.transaction_type]
    ledger.post(kind=kind, key=key, money=kept.money, reference=reference, back=back != turned)


def _write(kept: CardTransaction, purchase: Authorization | None) -> None:
    none_at = None if purchase else clock.now()
    CardTransaction.objects.filter(pk=kept.pk).update(authorization=purchase, of_no_purchase_at=none_at)
    kept.refresh_from_db()


def _follow(kept: CardTransaction, wrong: Authorization, purchase: Authorization | None, actor: str) -> None:
    """Adjusts the amount due of both purchases, and opens cases where nobody pays."""
    for each in (wrong, purchase) if purchase else (wrong,):
        review_cases.open_case_if_nobody_pays(each)
        amount_due.follow(each, actor=actor)
    if purchase is None:
        overpayment.open_case_without_purchase(reference=kept.reference, left=kept.money, merchant=kept.merchant_name)


def _note(
    kept: CardTransaction, wrong: Authorization, purchase: Authorization | None, *, actor: str, reason: str
) -> None:
    details: dict[str, Any] = {"was": wrong.pk, "authorization": purchase.pk if purchase else None}
    trail.record(actor=actor, action="transaction.relinked", subject=kept, because=reason, **details)
