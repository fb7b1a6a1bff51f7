"""Correcting a link: a capture or a refund is joined with another purchase than the one it is joined with.

The ledger never changes a row. Two correcting postings take the movement out of the one purchase and put it into the
other; what the cardholders pay for both purchases follows from that (docs/decisions/0028).
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit import trail
from issuing import locking
from issuing.billing import amount_due, position, review_cases
from issuing.clearing import dispute_money, match_candidates, standalone_purchase
from issuing.clearing.match_errors import LinkRefusedError, refuse
from issuing.clearing.posting import POSTINGS
from issuing.limits import holds
from issuing.models import Authorization, CardTransaction, Dispute
from onecard.kit import clock
from onecard.kit.reasons import checked_reason
from wallet import cases
from wallet.ledger import postings as ledger
from wallet.models import Case, Posting

Type = CardTransaction.Type
CHANGED = gettext_lazy("Somebody has just changed what this is joined with: look again.")


def relink(
    *, movement: CardTransaction, purchase: Authorization | None, reason: str, actor: str, by_two: bool = False
) -> None:
    """Moves a capture or a refund to another purchase, with the refunds that name it; or to none.

    A refund of none is booked by itself, a capture of none becomes a purchase of its own. `movement` says which
    purchase it was joined with when the person looked; `by_two` once a second person has agreed, which whatever
    crosses cardholders takes. Safe when two do it at once. Raises LinkRefusedError, and then nothing has changed.
    """
    words = checked_reason(reason, error=LinkRefusedError)
    with locked(movement, purchase):
        kept = CardTransaction.objects.get(pk=movement.pk)
        wrong = kept.authorization
        if wrong is None or movement.authorization_id != wrong.pk:
            raise LinkRefusedError(CHANGED)
        refuse(why_not(kept) or why_not_there(kept, purchase, by_two=by_two))
        if purchase is None and kept.transaction_type == Type.SETTLEMENT:
            purchase = standalone_purchase.make(kept, because=words, actor=actor)
        for each in (kept, *followers(kept).order_by("pk")):
            _move(each, wrong, purchase, actor=actor, reason=words)
        _follow(kept, wrong, purchase, actor)


@contextlib.contextmanager
def locked(kept: CardTransaction, purchase: Authorization | None) -> Iterator[None]:
    """Locks the movement, which others may name, with its purchase, and the purchase that it gets."""
    purchases = [purchase] if purchase else []
    with locking.locked_names(kept.provider, kept.issuer_transaction_id, purchases=purchases):
        yield


def why_not(kept: CardTransaction) -> str:
    """Returns why the link of a movement cannot be corrected, in a sentence for staff; "" where it can."""
    purchase = kept.authorization
    if purchase is None:
        return _("It is joined with no purchase, so there is no link to correct.")
    if kept.source == CardTransaction.Source.LEGACY:
        return _("This is from an old document: what became of its money was settled before our time.")
    if kept.transaction_type not in (Type.SETTLEMENT, Type.REFUND):
        return _("What a dispute moved follows the dispute: correct the capture that it is about, or ask its issuer.")
    if any(each.currency != purchase.currency for each in (kept, *followers(kept))):
        return _(
            "It, or a refund that names it, was exchanged into the purchase's currency, so it stays there: correct it "
            "in the issuer's dashboard."
        )
    if not Posting.objects.filter(key=kept.reference).exists():
        return _("It moved no money that is in the ledger, so there is nothing to correct.")
    return _why_disputed(purchase, kept)


def why_not_there(kept: CardTransaction, purchase: Authorization | None, *, by_two: bool) -> str:
    """Returns why it cannot be moved to that purchase, or to none; or ""."""
    if match_candidates.takes_two(kept, None) and not by_two:
        return _("One person moves no money between two cardholders: a second person has to agree.")
    if purchase is None:
        return ""
    if not candidates(kept).filter(pk=purchase.pk).exists():
        return _(
            "Choose another purchase of the same cardholder and currency. Nothing is moved to another person's "
            "purchase than the event's own card says: there its issuer has to correct it."
        )
    return _why_disputed(purchase, kept)


def candidates(kept: CardTransaction) -> QuerySet[Authorization]:
    """Returns the other purchases of whoever carries its card, in its currency.

    Its merchant's first, then the newest.
    """
    others = match_candidates.candidates(kept).filter(currency=kept.currency)
    return others.exclude(pk=kept.authorization_id) if kept.authorization_id is not None else others


def followers(kept: CardTransaction) -> QuerySet[CardTransaction]:
    """Returns the refunds that name a capture as what they give back:

    Joined with its purchase, they move along with it.
    """
    rows = CardTransaction.objects.filter(authorization=kept.authorization_id, transaction_type=Type.REFUND)
    named = rows.filter(provider=kept.provider, issuer_authorization_id=kept.issuer_transaction_id)
    return named.exclude(pk=kept.pk) if kept.transaction_type == Type.SETTLEMENT else rows.none()


def _why_disputed(purchase: Authorization, kept: CardTransaction) -> str:
    """Returns why a dispute keeps the link: it may move more, and what it moved stays with its capture."""
    about = Q(provider=kept.provider, issuer_transaction_id=kept.issuer_transaction_id)
    for dispute in Dispute.objects.filter(Q(authorization=purchase) | about).order_by("pk"):
        name = dispute.issuer_dispute_id
        if dispute_money.is_worked(dispute):
            return _(
                "%(purchase)s is disputed (%(name)s): wait until the case of that dispute is closed, then correct this."
            ) % {"purchase": purchase, "name": name}
        if _was_about(dispute, kept):
            return _(
                "The dispute %(name)s was about it, and what it moved stays there: ask the issuer to correct it."
            ) % {"name": name}
    return ""


def _was_about(dispute: Dispute, kept: CardTransaction) -> bool:
    """Returns whether it disputed this capture, or as far as is known may have."""
    is_capture_of_it = kept.transaction_type == Type.SETTLEMENT and dispute.authorization_id == kept.authorization_id
    return dispute.transaction_id == kept.pk or (is_capture_of_it and dispute.transaction_id is None)


def _move(
    kept: CardTransaction, wrong: Authorization, purchase: Authorization | None, *, actor: str, reason: str
) -> None:
    number = Posting.objects.filter(key__startswith=f"relinked:{kept.pk}:").count() // 2 + 1
    _post(kept, wrong.reference, key=f"relinked:{kept.pk}:{number}:out", turned=True)
    there = purchase.reference if purchase else kept.reference
    _post(kept, there, key=f"relinked:{kept.pk}:{number}:in", turned=False)
    none_at = None if purchase else clock.now()
    CardTransaction.objects.filter(pk=kept.pk).update(authorization=purchase, of_no_purchase_at=none_at)
    kept.refresh_from_db()
    details: dict[str, Any] = {"was": wrong.pk, "authorization": purchase.pk if purchase else None}
    trail.record(actor=actor, action="transaction.relinked", subject=kept, because=reason, **details)


def _post(kept: CardTransaction, reference: str, *, key: str, turned: bool) -> None:
    kind, back = POSTINGS[kept.transaction_type]
    ledger.post(kind=kind, key=key, money=kept.money, reference=reference, back=back != turned)


def _follow(kept: CardTransaction, wrong: Authorization, purchase: Authorization | None, actor: str) -> None:
    """What is owed for both purchases, and who is asked where nobody pays; what was asked of the one it left ends.

    Nor do the limits count what is held for that one any more, once it is over.
    """
    if not position.is_open(wrong):
        holds.shrink_to(wrong, position.moved_minor(wrong)[0])
    for each in (wrong, purchase) if purchase else (wrong,):
        review_cases.open_case_if_nobody_pays(each)
        amount_due.follow(each, actor=actor)
    if purchase is None:
        review_cases.open_case_without_purchase(reference=kept.reference, left=kept.money, merchant=kept.merchant_name)
    amounts, name = position.of(wrong), wrong.reference
    if not amounts.has_come_back:
        cases.resolve_cases(reference=name, kinds=(Case.Kind.CREDIT_LEFT,))
    if amounts.due_minor <= 0:
        cases.resolve_cases(reference=name, kinds=(Case.Kind.APPROVED_WITHOUT_US,))
