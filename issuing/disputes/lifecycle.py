"""The life of a dispute at any issuer: one row, moved along its table of legal moves, with a case while it is open.

A dispute's movements are card transactions named "<dispute>:<movement>", so they are posted, linked and repeated like
all others (docs/decisions/0020). Who has the money, and the amount due, follow from those rows.
"""

import datetime as dt
from dataclasses import dataclass, replace

from django.db.models import Q

from audit import trail
from issuing import locking, states
from issuing.clearing import card_transactions, dispute_money
from issuing.clearing.transaction_rows import MONEY_BACK
from issuing.disputes import dispute_notices
from issuing.inbox import references as event_references
from issuing.inbox.references import ContradictionError, Named
from issuing.issuers.base import IssuerTransaction
from issuing.issuers.merchants import location_of
from issuing.issuers.messages import NOTHING, MalformedEventError, Merchant, SideAmounts
from issuing.issuers.transaction_kinds import Kind
from issuing.models import Authorization, CardTransaction, Dispute
from onecard.kit import clock
from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from onecard.kit.transactions import require_transaction
from onecard.kit.transitions import sources_of

Type = CardTransaction.Type
Status = states.Dispute
ID_LIMIT = 120
OVER = (Status.WON, Status.LOST, Status.EXPIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Money that a dispute moved. `id` is the issuer's, or "": then the dispute has one movement of its type."""

    transaction_type: str
    amount_minor: int
    currency: str
    occurred_at: dt.datetime
    id: str = ""
    beside: SideAmounts = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeUpdate:
    """What an issuer reports of a dispute; `status` is one of states.Dispute, or "" where it is not stated.

    `disputed_id` is the issuer's id of the disputed capture, or of its purchase.
    """

    provider: str
    dispute_id: str
    disputed_id: str
    status: str
    amount_minor: int
    currency: str
    reported_at: dt.datetime
    event_type: str
    reason: str = ""
    movements: tuple[Movement, ...] = ()
    # Card and merchant of the message; where it does not state them, the disputed capture does.
    issuer_card_id: str = ""
    issuer_cardholder_id: str = ""
    # A second id that the message gives for what is disputed, or "".
    also_named: str = ""
    merchant: Merchant | None = None
    authorization_code: str = ""


def check(update: DisputeUpdate) -> None:
    """Raises MalformedEventError, before anything is written, for an update that cannot be recorded."""
    if not update.dispute_id or ":" in update.dispute_id:
        raise MalformedEventError("The dispute has no usable id.")
    amounts = (update.amount_minor, *(each.amount_minor for each in update.movements))
    if not all(0 <= amount <= MAX_AMOUNT_MINOR for amount in amounts):
        raise MalformedEventError("The dispute's amount is negative, or beyond any purchase.")
    if any(len(_name(update.dispute_id, each)) > ID_LIMIT for each in update.movements):
        raise MalformedEventError("The dispute's movement has an id that is too long.")


def apply_update(update: DisputeUpdate) -> Dispute:
    """Applies an issuer's update of a dispute, in the caller's transaction, under the lock of what it names.

    Safe repeated, concurrently and in any order. Money that a dispute moved for another card than its purchase's is
    kept, and posts nothing. Raises MalformedEventError as `check` does, and ContradictionError for an update that names
    another purchase than before.
    """
    require_transaction("An update of a dispute")
    check(update)
    with locking.locked_names(
        update.provider,
        update.disputed_id,
        update.also_named,
        issuer_card_id=update.issuer_card_id,
        dispute_id=update.dispute_id,
    ):
        why = _refuse_contradiction(update)
        dispute = _know(update, is_apart=bool(why))
        _move(dispute, update)
        dispute_notices.moved(dispute)
        for movement in update.movements:
            _record(dispute, movement, update)
        _end_provisional_credit(dispute, update)
        dispute_money.watch(dispute)
    return dispute


def _refuse_contradiction(update: DisputeUpdate) -> str:
    """Returns why the update's references do not belong together, for an update whose money is kept so; else "".

    What staff have resolved is no contradiction any more. Raises ContradictionError for an update without money, and
    for a dispute that is about another purchase.
    """
    known = Dispute.objects.filter(provider=update.provider, issuer_dispute_id=update.dispute_id).first()
    names = (update.disputed_id, update.also_named, known.issuer_transaction_id if known else "")
    purchases = {name: event_references.purchase_of(update.provider, name) for name in names if name}
    found = {name: each for name, each in purchases.items() if each is not None}
    if len({each.pk for each in found.values()}) > 1:
        about = " and ".join(f"{name} ({each})" for name, each in found.items())
        raise ContradictionError(f"The dispute {update.dispute_id} names two purchases: {about}.", _money(update))
    why = event_references.contradiction(
        Named(
            provider=update.provider,
            card=update.issuer_card_id,
            cardholder=update.issuer_cardholder_id,
            purchase=names[2] or update.disputed_id,
        )
    )
    if why and known is not None and _linked_by_staff(known, update.issuer_card_id) is not None:
        return ""
    if why and not update.movements:
        raise ContradictionError(why, _money(update))
    return why


def _linked_by_staff(dispute: Dispute, issuer_card_id: str) -> Authorization | None:
    """Returns the purchase that staff linked it to, after its reports on this card had contradicted what we know."""
    if dispute.authorization is None or not issuer_card_id:
        return None
    moved = CardTransaction.objects.filter(authorization=dispute.authorization_id, issuer_card_id=issuer_card_id)
    linked = moved.filter(issuer_transaction_id__startswith=f"{dispute.issuer_dispute_id}:").exclude(contradiction="")
    return dispute.authorization if linked.exists() else None


def _money(update: DisputeUpdate) -> Money:
    return Money(update.amount_minor, update.currency)


def _know(update: DisputeUpdate, *, is_apart: bool) -> Dispute:
    """Finds, completes or creates the dispute's row; any update may be the first.

    `is_apart` leaves it without its purchase.
    """
    now = clock.now()
    dispute, is_new = Dispute.objects.get_or_create(
        provider=update.provider,
        issuer_dispute_id=update.dispute_id,
        defaults={
            "issuer_transaction_id": update.disputed_id,
            "status": update.status or Status.UNSUBMITTED,
            "reason": update.reason[:80],
            "amount_minor": update.amount_minor,
            "currency": update.currency,
            "opened_at": update.reported_at,
            "closed_at": update.reported_at if update.status in OVER else None,
            "updated_at": now,
        },
    )
    if is_new:
        _note(dispute, f"dispute.{dispute.status}", first=True)
    facts = {
        "issuer_transaction_id": update.disputed_id,
        "reason": update.reason[:80],
        "amount_minor": update.amount_minor,
    }
    missing = {name: value for name, value in facts.items() if value and not getattr(dispute, name)}
    if not is_apart:
        missing |= _links(dispute.provider, dispute.issuer_transaction_id or update.disputed_id, dispute)
    if missing:
        Dispute.objects.filter(pk=dispute.pk).update(**missing, updated_at=now)
        dispute.refresh_from_db()
    return dispute


def _links(provider: str, named: str, dispute: Dispute) -> dict[str, int]:
    """Returns the capture and the purchase, once they are known.

    Later ones are linked by clearing/card_transactions.py.
    """
    if not named or (dispute.transaction_id and dispute.authorization_id):
        return {}
    captures = CardTransaction.objects.filter(provider=provider, issuer_transaction_id=named)
    capture = captures.first()
    purchases = Authorization.objects.filter(provider=provider, issuer_authorization_id=named)
    purchase = capture.authorization_id if capture else purchases.values_list("pk", flat=True).first()
    if capture is not None and dispute.authorization_id not in (None, capture.authorization_id):
        # Staff linked it to another purchase than that of the capture that it names.
        return {}
    found = {"transaction_id": capture.pk if capture else None, "authorization_id": purchase}
    return {name: pk for name, pk in found.items() if pk and not getattr(dispute, name)}


def _move(dispute: Dispute, update: DisputeUpdate) -> bool:
    """Moves the dispute along its table; an old or repeated update moves nothing.

    Only a later update reverses an outcome. Of two updates in the same second, the first received stands.
    """
    target, now = update.status, clock.now()
    if not target or target == dispute.status:
        return False
    sources = sources_of(states.DISPUTE_MOVES, target)
    undecided = Q(closed_at=None) | Q(closed_at__lt=update.reported_at)
    rows = Dispute.objects.filter(undecided, pk=dispute.pk, status__in=sources)
    closed_at = update.reported_at if target in OVER else None
    if rows.update(status=target, closed_at=closed_at, updated_at=now) != 1:
        return False
    _note(dispute, f"dispute.{target}", was=dispute.status)
    dispute.refresh_from_db()
    return True


def _record(dispute: Dispute, movement: Movement, update: DisputeUpdate) -> None:
    """Records a movement once. Without an id it is the same as the one that is reported with an id."""
    own = _name(dispute.issuer_dispute_id, movement)
    nameless = f"{dispute.issuer_dispute_id}:{movement.transaction_type}"
    known = set(
        dispute_money.moved_by(dispute, movement.transaction_type).values_list("issuer_transaction_id", flat=True)
    )
    if own == nameless and known - {nameless}:
        return
    if own not in known and nameless in known:
        row = dispute_money.moved_by(dispute, movement.transaction_type).get(issuer_transaction_id=nameless)
        CardTransaction.objects.filter(pk=row.pk).update(issuer_transaction_id=own)
        trail.record(actor=f"issuer:{dispute.provider}", action="transaction.named", subject=row, name=own)
    is_back = movement.transaction_type in MONEY_BACK
    found = IssuerTransaction(
        id=own,
        issuer_card_id=update.issuer_card_id,
        authorization_id=dispute.issuer_transaction_id,
        kind=Kind.OTHER.value,
        amount_minor=-movement.amount_minor if is_back else movement.amount_minor,
        currency=movement.currency,
        merchant_name=update.merchant.name if update.merchant else "",
        mcc=update.merchant.mcc if update.merchant else "",
        created_at=movement.occurred_at,
        issuer_cardholder_id=update.issuer_cardholder_id,
        **movement.beside.columns(),
    )
    place = update.merchant
    card_transactions.record(
        found,
        provider=dispute.provider,
        source=CardTransaction.Source.WEBHOOK,
        transaction_type=movement.transaction_type,
        event_type=update.event_type,
        authorization_code=update.authorization_code,
        merchant_location=location_of(city=place.city, state=place.state, country=place.country) if place else "",
        linked_purchase=_linked_by_staff(dispute, update.issuer_card_id),
    )


def _end_provisional_credit(dispute: Dispute, update: DisputeUpdate) -> None:
    """Makes the provisional credit of a won dispute final, unless a chargeback is reported as well.

    A dispute that is lost afterwards reverses it. No documentation names the message that says so, so the status
    decides; a later report with an id of its own is the same money.
    """
    credit = dispute_money.moved_by(dispute, Type.PROVISIONAL_CREDIT).order_by("pk").first()
    if credit is None:
        return
    given = Movement(
        transaction_type=Type.CHARGEBACK,
        amount_minor=credit.amount_minor,
        currency=credit.currency,
        occurred_at=dispute.closed_at or update.reported_at,
    )
    kept_by_us = f"{dispute.issuer_dispute_id}:{Type.CHARGEBACK}"
    if dispute.status == Status.WON:
        for kind in (Type.PROVISIONAL_DEBIT, Type.CHARGEBACK):
            _record(dispute, replace(given, transaction_type=kind), update)
    elif (
        dispute.status == Status.LOST
        and dispute_money.moved_by(dispute, Type.CHARGEBACK).filter(issuer_transaction_id=kept_by_us).exists()
    ):
        _record(dispute, replace(given, transaction_type=Type.CHARGEBACK_REVERSAL), update)


def _name(dispute_id: str, movement: Movement) -> str:
    return f"{dispute_id}:{movement.id or movement.transaction_type}"


def _note(dispute: Dispute, action: str, **details: object) -> None:
    trail.record(
        actor=f"issuer:{dispute.provider}",
        action=action,
        subject=dispute,
        amount_minor=dispute.amount_minor,
        currency=dispute.currency,
        **details,
    )
