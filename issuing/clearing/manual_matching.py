"""Manual matching: staff link a refund to a purchase, or mark it as belonging to none."""

import datetime as dt

from django.db.models import Case, Q, QuerySet, Value, When

from issuing import locking
from issuing.billing import overpayment
from issuing.clearing import posting, refund_matching
from issuing.models import Authorization, CardTransaction
from onecard.kit import clock, display, transactions
from onecard.kit.errors import OneCardError
from onecard.kit.reasons import checked_reason

Type = CardTransaction.Type
# An issuer reports a refund's purchase within moments, or the hourly comparison finds it after an outage.
MAY_BE_REPORTED = dt.timedelta(days=1)


class LinkRefusedError(OneCardError):
    """The refund cannot be linked so. The message tells staff why."""

    code = "link_refused"


def link_by_hand(*, refund: CardTransaction, purchase: Authorization, reason: str, actor: str) -> None:
    """Links a refund to a purchase of the same card, for good; the cardholder is refunded accordingly.

    Concurrent calls are safe. Raises LinkRefusedError, and then nothing has changed.
    """
    words = checked_reason(reason, error=LinkRefusedError)
    with transactions.transaction():
        locking.lock_card(refund.card_id)
        locking.lock_purchase(purchase.provider, purchase.issuer_authorization_id)
        kept = CardTransaction.objects.get(pk=refund.pk)
        refuse(why_not(kept))
        if not candidates(kept).filter(pk=purchase.pk).exists():
            raise LinkRefusedError("That is no purchase of the refund's card that a merchant has taken money for.")
        if not refund_matching.link(kept, purchase.pk, because=words, actor=actor):
            raise LinkRefusedError("Somebody has just said of which purchase it is: look again.")
        posting.book(kept)


def say_of_none(*, refund: CardTransaction, reason: str, actor: str) -> None:
    """Marks a refund as belonging to no purchase here, for good, such as a refund of an older purchase.

    It is posted under its own reference, and a case asks staff to pay it out to the cardholder. If the purchase that it
    names is reported later, the refund does not count for it again. Concurrent calls are safe. Raises LinkRefusedError,
    and then nothing has changed.
    """
    words = checked_reason(reason, error=LinkRefusedError)
    with transactions.transaction():
        locking.lock_card(refund.card_id)
        locking.lock_purchase(refund.provider, refund.issuer_authorization_id)
        kept = CardTransaction.objects.get(pk=refund.pk)
        refuse(why_not_of_none(kept))
        if not refund_matching.keep_apart(kept, because=words, actor=actor):
            raise LinkRefusedError("Somebody has just said of which purchase it is: look again.")
        posting.book_apart(kept)
        overpayment.open_case_without_purchase(reference=kept.reference, left=kept.money, merchant=kept.merchant_name)


def why_not(kept: CardTransaction) -> str:
    """Why a movement cannot be linked by hand, in a sentence for staff; "" where it can."""
    matched = _why_matched(kept)
    if matched:
        return matched
    if not (refund_matching.is_unlinked(kept) or kept.is_contradicted):
        return "Only a refund that names no purchase can be joined by hand: others find theirs by its name."
    if kept.is_contradicted and kept.transaction_type not in (Type.SETTLEMENT, Type.REFUND):
        return (
            "What a dispute moved follows the dispute: have its issuer correct it, and close the case with its answer."
        )
    return "" if kept.card_id else "It is not known on which card this came, so there is nothing to choose from."


def why_not_of_none(kept: CardTransaction) -> str:
    """Why a movement cannot be marked as belonging to no purchase, in a sentence for staff; "" where it can."""
    matched = _why_matched(kept)
    if matched:
        return matched
    if kept.transaction_type != CardTransaction.Type.REFUND or not kept.amount_minor:
        return "Only a refund can be of no purchase here: what else moves money is of one."
    if not kept.card_id:
        return "It is not known on which card this refund came, so nobody knows whose it is. Sync the issuer first."
    until = kept.recorded_at + MAY_BE_REPORTED
    if kept.issuer_authorization_id and not kept.contradiction and clock.now() < until:
        return (
            f"It names {kept.issuer_authorization_id}, which may yet be reported. Wait until {display.moment(until)}."
        )
    return ""


def candidates(kept: CardTransaction) -> QuerySet[Authorization]:
    """The captured purchases of its card: those at its merchant first, then the newest.

    A capture may be the first of its purchase, so for a capture these are all purchases of its card.
    """
    purchases = Authorization.objects.filter(card=kept.card_id)
    if kept.transaction_type != Type.SETTLEMENT:
        captured = CardTransaction.objects.filter(card=kept.card_id, transaction_type=Type.SETTLEMENT)
        purchases = Authorization.objects.filter(
            Q(card=kept.card_id) | Q(card=None), pk__in=captured.values("authorization")
        )
    is_other = Case(When(merchant_name=kept.merchant_name, then=Value(0)), default=Value(1))
    return purchases.order_by(is_other, "-created_at")


def _why_matched(kept: CardTransaction) -> str:
    if kept.authorization_id is not None:
        return "It is known already which purchase this is of."
    if kept.of_no_purchase_at is not None:
        return "Somebody has said already that this is of no purchase here."
    if kept.source == CardTransaction.Source.LEGACY:
        return "This is from an old document: what became of its money was settled before our time."
    return ""


def refuse(why: str) -> None:
    """Raises LinkRefusedError if there is a reason to."""
    if why:
        raise LinkRefusedError(why)
