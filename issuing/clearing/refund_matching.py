"""Finds the purchase of a refund that names none: Marqeta's never do, and Stripe's link can be missing.

When several purchases match, a case asks staff to choose.
"""

import datetime as dt
from typing import Any

from django.db.models import F, Q, QuerySet

from audit import trail
from issuing import locking, states
from issuing.billing import position
from issuing.models import Authorization, CardTransaction
from onecard.kit import clock
from wallet import cases
from wallet.models import Case

Type = CardTransaction.Type
# Merchants accept returns for some months; older purchases do not match.
LONGEST_AGO = dt.timedelta(days=180)
MOST_WAITING = 50
# A purchase stores a shorter merchant name than a movement.
NAME_OF_PURCHASE = 120


def join(kept: CardTransaction) -> list[CardTransaction]:
    """Links refunds that name no purchase to the one purchase that matches; returns those that were linked.

    `kept` is such a refund, or a capture that refunds may have waited for: whichever is recorded last links them. Both
    match in card, merchant and currency. The only earlier capture of the same amount is the match, unless another
    refund has that amount too; else it is the only purchase with at least that amount left, once no other purchase
    waits for its capture (docs/issuers/stripe.md, Refunds). Call it in the transaction that records `kept`, under its
    card's lock.
    """
    if not (kept.card_id and kept.merchant_name):
        return []
    locking.require_card(kept.card_id)
    return [refund for refund in _waiting(kept) if _find_purchase(refund)]


def join_after(purchase: Authorization) -> list[CardTransaction]:
    """Links refunds that waited because of this open purchase at the same merchant, since it may be over now.

    Returns those that were linked. In the transaction that releases its hold, under its card's lock.
    """
    locking.require_purchase(purchase)
    if not (purchase.card_id and purchase.merchant_name):
        return []
    on_card = CardTransaction.objects.filter(card=purchase.card_id, currency=purchase.currency)
    waiting = _unlinked(on_card.filter(merchant_name__startswith=purchase.merchant_name))
    alike = [each for each in waiting if _name(each) == purchase.merchant_name]
    return [refund for refund in alike if _find_purchase(refund)]


def open_case_if_unmatched(kept: CardTransaction) -> None:
    """Opens a case for a refund without a purchase, so that staff say whose it is."""
    if is_unlinked(kept):
        cases.open_case(
            kind=Case.Kind.REFUND_UNLINKED,
            reference=kept.reference,
            money=kept.money,
            summary=f"{kept.merchant_name or 'A merchant'} gave back {kept.money} and did not say of which purchase.",
        )


def link(refund: CardTransaction, purchase_id: int, *, because: str, actor: str = "system:refunds") -> bool:
    """Links a refund to its purchase, in the caller's transaction; False when another link was faster."""
    if not _record_match(refund, authorization=purchase_id):
        return False
    trail.record(actor=actor, action="transaction.linked", subject=refund, authorization=purchase_id, because=because)
    return True


def keep_apart(refund: CardTransaction, *, because: str, actor: str) -> bool:
    """Records that a refund belongs to no purchase here, in the caller's transaction; False when a link was faster."""
    if not _record_match(refund, of_no_purchase_at=clock.now()):
        return False
    trail.record(actor=actor, action="transaction.of_no_purchase", subject=refund, because=because)
    return True


def is_unlinked(kept: CardTransaction) -> bool:
    """Returns whether it is a refund that moved money and waits for no purchase that it names.

    Imported legacy refunds were settled before our time.
    """
    has_none = kept.authorization_id is None and kept.of_no_purchase_at is None and not kept.contradiction
    names_nothing = has_none and not kept.issuer_authorization_id
    is_refund = kept.transaction_type == Type.REFUND and kept.source != CardTransaction.Source.LEGACY
    return names_nothing and is_refund and kept.amount_minor > 0


def _record_match(refund: CardTransaction, **said: Any) -> bool:
    """Records the match, or that there is none, once."""
    unlinked = CardTransaction.objects.filter(pk=refund.pk, authorization=None, of_no_purchase_at=None)
    if unlinked.update(**said) != 1:
        return False
    refund.refresh_from_db()
    cases.resolve_cases(reference=refund.reference, kinds=(Case.Kind.REFUND_UNLINKED, Case.Kind.EVENT_CONTRADICTION))
    return True


def _waiting(kept: CardTransaction) -> list[CardTransaction]:
    if kept.transaction_type == Type.REFUND:
        return [kept] if is_unlinked(kept) else []
    if kept.transaction_type != Type.SETTLEMENT or kept.authorization_id is None:
        return []
    return _unlinked(_alike(kept))


def _unlinked(rows: QuerySet[CardTransaction]) -> list[CardTransaction]:
    """Returns the rows for which `is_unlinked` holds, the oldest first."""
    refunds = rows.filter(transaction_type=Type.REFUND, authorization=None, of_no_purchase_at=None, contradiction="")
    unnamed = refunds.filter(issuer_authorization_id="", amount_minor__gt=0).exclude(
        source=CardTransaction.Source.LEGACY
    )
    return list(unnamed.order_by("occurred_at", "pk")[:MOST_WAITING])


def _alike(kept: CardTransaction) -> QuerySet[CardTransaction]:
    return CardTransaction.objects.filter(
        card=kept.card_id, currency=kept.currency, merchant_name=kept.merchant_name, mcc=kept.mcc
    )


def _on_its_own_card(rows: QuerySet[CardTransaction]) -> QuerySet[CardTransaction]:
    """Returns the rows without a purchase, or with one of their own card."""
    return rows.filter(Q(authorization=None) | Q(authorization__card=None) | Q(authorization__card=F("card")))


def _find_purchase(refund: CardTransaction) -> bool:
    alike = _alike(refund)
    same = alike.filter(amount_minor=refund.amount_minor)
    before = same.filter(transaction_type=Type.SETTLEMENT, occurred_at__lte=refund.occurred_at)
    captures = list(_on_its_own_card(before).values_list("authorization", flat=True)[:2])
    if len(captures) == 1 and captures[0] and same.filter(transaction_type=Type.REFUND).count() == 1:
        return link(refund, captures[0], because="the only capture of this card, merchant and amount")
    purchases = _with_room(refund, alike)
    if len(purchases) != 1 or _waits_for_a_capture(refund, besides=purchases[0]):
        return False
    return link(refund, purchases[0].pk, because="the only purchase of this card and merchant with so much left")


def _with_room(refund: CardTransaction, alike: QuerySet[CardTransaction]) -> list[Authorization]:
    """Returns the purchases captured before the refund with at least its amount left; none when too many match."""
    period = (refund.occurred_at - LONGEST_AGO, refund.occurred_at)
    before = _on_its_own_card(alike.filter(transaction_type=Type.SETTLEMENT, occurred_at__range=period))
    purchases = Authorization.objects.filter(pk__in=before.values("authorization")).order_by("pk")
    found = list(purchases[: MOST_WAITING + 1])
    if len(found) > MOST_WAITING:
        return []
    left_minor = position.left_minor(found)
    return [each for each in found if left_minor[each.pk] >= refund.amount_minor]


def _name(refund: CardTransaction) -> str:
    """Returns the merchant's name as a purchase stores it: shorter, and without a blank at its end."""
    return refund.merchant_name[:NAME_OF_PURCHASE].rstrip()


def _waits_for_a_capture(refund: CardTransaction, *, besides: Authorization) -> bool:
    """Returns whether another purchase at the merchant may have a capture that was not reported yet."""
    on_card = Authorization.objects.filter(card=refund.card_id, currency=refund.currency)
    alike = on_card.filter(merchant_name=_name(refund))
    is_open = Q(status=states.Authorization.APPROVED) | Q(settle_due_at__isnull=False)
    captured = CardTransaction.objects.filter(transaction_type=Type.SETTLEMENT, authorization__in=alike)
    waiting = alike.filter(is_open, approved_minor__gt=0).exclude(pk__in=captured.values("authorization"))
    return waiting.exclude(pk=besides.pk).exists()
