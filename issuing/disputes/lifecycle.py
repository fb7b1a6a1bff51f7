"""Disputes at an issuer, whichever: one row each, moved along its table, with a case while it is open.

What a dispute moves are card transactions under "<dispute>:<movement>", so that they are booked, linked and repeated as
all others (docs/decisions/0020). Whose money it is meanwhile, and what the cardholder owes, follows from those rows.
"""

import datetime as dt
from dataclasses import dataclass, replace

from django.db.models import Q, QuerySet, Sum

from audit import trail
from issuing import locking, states
from issuing.clearing import card_transactions
from issuing.clearing.transaction_rows import MONEY_BACK
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
from wallet import cases
from wallet.models import Case

Type = CardTransaction.Type
Status = states.Dispute
ID_LIMIT = 120
OVER = (Status.WON, Status.LOST, Status.EXPIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Money that a dispute moved. `id` is the issuer's, or "" where it gives none: then there is one of its type."""

    transaction_type: str
    amount_minor: int
    currency: str
    occurred_at: dt.datetime
    id: str = ""
    beside: SideAmounts = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeUpdate:
    """What an issuer says of a dispute; `status` is one of states.Dispute, or "" where the news does not say.

    `disputed_id` names the capture that is disputed, or its purchase, by the issuer's id.
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
    # What the message says of the card and the merchant; where it says nothing, the disputed capture does.
    issuer_card_id: str = ""
    issuer_cardholder_id: str = ""
    # Another name that the message gives for what is disputed; "" where it gives one.
    also_named: str = ""
    merchant: Merchant | None = None
    authorization_code: str = ""


def check(news: DisputeUpdate) -> None:
    """Raises MalformedEventError for news that cannot be written down; nothing has been written by then."""
    if not news.dispute_id or ":" in news.dispute_id:
        raise MalformedEventError("The dispute has no usable id.")
    amounts = (news.amount_minor, *(each.amount_minor for each in news.movements))
    if not all(0 <= amount <= MAX_AMOUNT_MINOR for amount in amounts):
        raise MalformedEventError("The dispute's amount is negative, or beyond any purchase.")
    if any(len(_name(news.dispute_id, each)) > ID_LIMIT for each in news.movements):
        raise MalformedEventError("The dispute's movement has an id that is too long.")


def apply_update(news: DisputeUpdate) -> Dispute:
    """Writes down what an issuer says of a dispute, in the caller's transaction; safe twice, at once and in any order.

    Money that a dispute moved for another card than that of the purchase that it names is kept, and posts nothing.
    Raises MalformedEventError as `check` does, and ContradictionError for news about another purchase than before.
    """
    require_transaction("News of a dispute")
    check(news)
    # The card first, as everywhere (issuing/authorizations/lifecycle.py); then the dispute, and what it is about, by
    # their names.
    locking.lock_cards_of(news.provider, issuer_card_id=news.issuer_card_id, named=news.disputed_id)
    locking.lock_purchase(news.provider, f"dispute:{news.dispute_id}")
    locking.lock_purchase(news.provider, news.disputed_id)
    why = _refuse_contradiction(news)
    dispute = _know(news, is_apart=bool(why))
    _move(dispute, news)
    for movement in news.movements:
        _record(dispute, movement, news)
    _end_provisional_credit(dispute, news)
    watch(dispute)
    return dispute


def _refuse_contradiction(news: DisputeUpdate) -> str:
    """Why what the news names does not belong together, for news whose money is kept with that; "" where it does.

    Raises ContradictionError for news without money, and for news of a dispute that is about another purchase.
    """
    known = Dispute.objects.filter(provider=news.provider, issuer_dispute_id=news.dispute_id).first()
    names = (news.disputed_id, news.also_named, known.issuer_transaction_id if known else "")
    purchases = {name: event_references.purchase_of(news.provider, name) for name in names if name}
    found = {name: each for name, each in purchases.items() if each is not None}
    if len({each.pk for each in found.values()}) > 1:
        about = " and ".join(f"{name} ({each})" for name, each in found.items())
        raise ContradictionError(f"The dispute {news.dispute_id} names two purchases: {about}.", _money(news))
    why = event_references.contradiction(
        Named(
            provider=news.provider,
            card=news.issuer_card_id,
            cardholder=news.issuer_cardholder_id,
            purchase=names[2] or news.disputed_id,
        )
    )
    if why and not news.movements:
        raise ContradictionError(why, _money(news))
    return why


def _money(news: DisputeUpdate) -> Money:
    return Money(news.amount_minor, news.currency)


def _know(news: DisputeUpdate, *, is_apart: bool) -> Dispute:
    """The dispute's row, new or completed; any news may be the first. `is_apart` leaves it without its purchase."""
    now = clock.now()
    dispute, is_new = Dispute.objects.get_or_create(
        provider=news.provider,
        issuer_dispute_id=news.dispute_id,
        defaults={
            "issuer_transaction_id": news.disputed_id,
            "status": news.status or Status.UNSUBMITTED,
            "reason": news.reason[:80],
            "amount_minor": news.amount_minor,
            "currency": news.currency,
            "opened_at": news.reported_at,
            "closed_at": news.reported_at if news.status in OVER else None,
            "updated_at": now,
        },
    )
    if is_new:
        _note(dispute, f"dispute.{dispute.status}", first=True)
    facts = {"issuer_transaction_id": news.disputed_id, "reason": news.reason[:80], "amount_minor": news.amount_minor}
    missing = {name: value for name, value in facts.items() if value and not getattr(dispute, name)}
    if not is_apart:
        missing |= _links(dispute.provider, dispute.issuer_transaction_id or news.disputed_id, dispute)
    if missing:
        Dispute.objects.filter(pk=dispute.pk).update(**missing, updated_at=now)
        dispute.refresh_from_db()
    return dispute


def _links(provider: str, named: str, dispute: Dispute) -> dict[str, int]:
    """The capture and the purchase, as soon as they are known; later ones join by clearing/card_transactions.py."""
    if not named or (dispute.transaction_id and dispute.authorization_id):
        return {}
    captures = CardTransaction.objects.filter(provider=provider, issuer_transaction_id=named)
    capture = captures.select_for_update(no_key=True, of=("self",)).first()
    purchases = Authorization.objects.filter(provider=provider, issuer_authorization_id=named)
    purchase = capture.authorization_id if capture else purchases.values_list("pk", flat=True).first()
    found = {"transaction_id": capture.pk if capture else None, "authorization_id": purchase}
    return {name: pk for name, pk in found.items() if pk and not getattr(dispute, name)}


def _move(dispute: Dispute, news: DisputeUpdate) -> bool:
    """Along the table of moves; news that is old or repeated moves nothing.

    What was decided is only decided otherwise by a later word; of two of the same second the first heard stands.
    """
    target, now = news.status, clock.now()
    if not target or target == dispute.status:
        return False
    sources = sources_of(states.DISPUTE_MOVES, target)
    undecided = Q(closed_at=None) | Q(closed_at__lt=news.reported_at)
    rows = Dispute.objects.filter(undecided, pk=dispute.pk, status__in=sources)
    closed_at = news.reported_at if target in OVER else None
    if rows.update(status=target, closed_at=closed_at, updated_at=now) != 1:
        return False
    _note(dispute, f"dispute.{target}", was=dispute.status)
    dispute.refresh_from_db()
    return True


def _record(dispute: Dispute, movement: Movement, news: DisputeUpdate) -> None:
    """Keeps what was moved, once: without an id of its own it is the one that is told under its id before or after."""
    own = _name(dispute.issuer_dispute_id, movement)
    nameless = f"{dispute.issuer_dispute_id}:{movement.transaction_type}"
    known = set(_moved(dispute, movement.transaction_type).values_list("issuer_transaction_id", flat=True))
    if own == nameless and known - {nameless}:
        return
    if own not in known and nameless in known:
        row = _moved(dispute, movement.transaction_type).get(issuer_transaction_id=nameless)
        CardTransaction.objects.filter(pk=row.pk).update(issuer_transaction_id=own)
        trail.record(actor=f"issuer:{dispute.provider}", action="transaction.named", subject=row, name=own)
    is_back = movement.transaction_type in MONEY_BACK
    found = IssuerTransaction(
        id=own,
        issuer_card_id=news.issuer_card_id,
        authorization_id=dispute.issuer_transaction_id,
        kind=Kind.OTHER.value,
        amount_minor=-movement.amount_minor if is_back else movement.amount_minor,
        currency=movement.currency,
        merchant_name=news.merchant.name if news.merchant else "",
        mcc=news.merchant.mcc if news.merchant else "",
        created_at=movement.occurred_at,
        issuer_cardholder_id=news.issuer_cardholder_id,
        **movement.beside.columns(),
    )
    place = news.merchant
    card_transactions.record(
        found,
        provider=dispute.provider,
        source=CardTransaction.Source.WEBHOOK,
        transaction_type=movement.transaction_type,
        event_type=news.event_type,
        authorization_code=news.authorization_code,
        merchant_location=location_of(city=place.city, state=place.state, country=place.country) if place else "",
    )


def _end_provisional_credit(dispute: Dispute, news: DisputeUpdate) -> None:
    """A dispute that is won makes its provisional credit the purchase's, unless a chargeback is told beside it.

    And one that is lost after that takes it back. Which message says so is nowhere written, so the state does; what
    the issuer tells of it later under an id of its own is the same money.
    """
    credit = _moved(dispute, Type.PROVISIONAL_CREDIT).order_by("pk").first()
    if credit is None:
        return
    given = Movement(
        transaction_type=Type.CHARGEBACK,
        amount_minor=credit.amount_minor,
        currency=credit.currency,
        occurred_at=dispute.closed_at or news.reported_at,
    )
    kept_by_us = f"{dispute.issuer_dispute_id}:{Type.CHARGEBACK}"
    if dispute.status == Status.WON:
        for kind in (Type.PROVISIONAL_DEBIT, Type.CHARGEBACK):
            _record(dispute, replace(given, transaction_type=kind), news)
    elif (
        dispute.status == Status.LOST
        and _moved(dispute, Type.CHARGEBACK).filter(issuer_transaction_id=kept_by_us).exists()
    ):
        _record(dispute, replace(given, transaction_type=Type.CHARGEBACK_REVERSAL), news)


def watch(dispute: Dispute) -> None:
    """A person works a dispute until it is over, its money has come if it is won, and what was credited has gone."""
    reference = f"dispute:{dispute.pk}"
    is_unpaid = dispute.status == Status.WON and not came_back_minor(dispute)
    if dispute.status in states.OPEN_DISPUTE or provisional_minor(dispute) or is_unpaid:
        about = dispute.transaction or dispute.issuer_transaction_id or "an unknown transaction"
        cases.open_case(
            kind=Case.Kind.DISPUTE,
            reference=reference,
            money=dispute.money,
            summary=f"{dispute.issuer_dispute_id} is {dispute.get_status_display().lower()}; it is about {about}.",
        )
    else:
        cases.resolve_cases(reference=reference, kinds=(Case.Kind.DISPUTE,))


def provisional_minor(dispute: Dispute) -> int:
    """What its issuer has credited meanwhile and not taken back, in minor units."""
    given, gone = _total_minor(dispute, Type.PROVISIONAL_CREDIT), _total_minor(dispute, Type.PROVISIONAL_DEBIT)
    return max(0, given - gone)


def came_back_minor(dispute: Dispute) -> int:
    """What came back for good by it and was not taken again, in minor units."""
    return max(0, _total_minor(dispute, Type.CHARGEBACK) - _total_minor(dispute, Type.CHARGEBACK_REVERSAL))


def _total_minor(dispute: Dispute, transaction_type: str) -> int:
    total: int = _moved(dispute, transaction_type).aggregate(total=Sum("amount_minor", default=0))["total"]
    return total


def _moved(dispute: Dispute, transaction_type: str) -> QuerySet[CardTransaction]:
    """What it moved, by its purchase or among what has none yet: names are no index to search by."""
    near = Q(authorization=None)
    if dispute.authorization_id is not None:
        near |= Q(authorization=dispute.authorization_id)
    rows = CardTransaction.objects.filter(near, provider=dispute.provider, transaction_type=transaction_type)
    return rows.filter(issuer_transaction_id__startswith=f"{dispute.issuer_dispute_id}:")


def _name(dispute_id: str, movement: Movement) -> str:
    return f"{dispute_id}:{movement.id or movement.transaction_type}"


def _note(dispute: Dispute, action: str, **details: object) -> None:
    money = Money(dispute.amount_minor, dispute.currency)
    trail.record(
        actor=f"issuer:{dispute.provider}",
        action=action,
        subject=dispute,
        amount_minor=money.minor,
        currency=money.currency,
        **details,
    )
