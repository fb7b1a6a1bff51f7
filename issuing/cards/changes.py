"""Carrying out what was asked of an issuer: claim and commit, call, record and commit (onecard/kit/attempts.py).

The same key on every try makes it one change however often it is sent; a change whose worker died is sent again.
"""

import datetime as dt

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy

from audit import trail
from issuing import locking, states
from issuing.cards import card_notices, change_records, handover, issuer_failover, profile_updates
from issuing.cards.people import person_of
from issuing.errors import CardRefusedError
from issuing.issuers.base import (
    CardOrder,
    IssuedCard,
    Issuer,
    IssuerError,
    Limits,
    Person,
    RefusedError,
)
from issuing.issuers.errors import KEY_REUSED, PausedError
from issuing.issuers.registry import issuer_for
from issuing.models import CardChange, IssuerAccount, VirtualCard
from onecard.kit import clock
from onecard.kit.attempts import Attempts
from onecard.kit.reasons import checked_reason
from onecard.kit.transactions import require_no_transaction, transaction
from onecard.kit.transitions import sources_of
from wallet.kyc.moves import lock_person
from wallet.models import Cardholder

CHANGES = Attempts(model=CardChange, what="card change", statuses=states.OPEN_CHANGE, grace=dt.timedelta(seconds=5))
# The changes of one card go to the issuer in the order in which they were asked for.
EARLIER = CardChange.objects.filter(card=OuterRef("card"), pk__lt=OuterRef("pk"), status__in=states.OPEN_CHANGE)
IS_NEXT = ~Q(Exists(EARLIER))
# The status that the issuer is asked for, and ours once it has said yes.
TARGETS = {
    CardChange.Kind.ACTIVATE: states.Card.ACTIVE,
    CardChange.Kind.UNFREEZE: states.Card.ACTIVE,
    CardChange.Kind.FREEZE: states.Card.FROZEN,
    CardChange.Kind.CLOSE: states.Card.CLOSED,
}


def carry_out(*, change_id: int, issuer: Issuer | None = None) -> str:
    """Makes one try at a change that is due, if no earlier one of the card is open; gives the change's status.

    Safe to call twice, at once, late or never again. Raises TransactionError inside a transaction.
    """
    require_no_transaction("A call to the issuer")
    claimed = _claim(change_id)
    while claimed is not None:
        moved = _ask(claimed, issuer)
        claimed = _claim(change_id) if moved else None
    return CardChange.objects.values_list("status", flat=True).get(pk=change_id)


def ask_again(*, change: CardChange, reason: str, requested_by: str) -> str:
    """Makes an attempt at once, on staff's request, at a change that waits for its time; returns the change's status.

    Raises CardRefusedError without a reason, and when the change does not wait or is not the card's next one.
    """
    words = checked_reason(reason, error=CardRefusedError)
    with transaction():
        card = locking.lock_card(change.card_id)
        waiting = CardChange.objects.filter(IS_NEXT, pk=change.pk, status=states.Change.INTENDED)
        if waiting.update(next_attempt_at=clock.now(), updated_at=clock.now()) != 1:
            raise CardRefusedError(
                gettext_lazy("This change does not wait, or an earlier one of its card does: look again.")
            )
        trail.record(
            actor=requested_by,
            action=f"card.{change.kind}_asked_again",
            subject=card,
            change=str(change.key),
            reason=words,
        )
    return carry_out(change_id=change.pk)


def sweep(*, now: dt.datetime | None = None) -> int:
    """Tries every change that is due and that the queue seems to have forgotten; says how many."""
    return CHANGES.sweep(lambda change_id: carry_out(change_id=change_id), now=now, only=IS_NEXT)


def _claim(change_id: int) -> CardChange | None:
    """Takes the change for this worker. The object keeps what was known before: `may_have_arrived`, say."""
    with transaction():
        card_id = CardChange.objects.values_list("card_id", flat=True).get(pk=change_id)
        locking.lock_card(card_id)
        due = CardChange.objects.filter(CHANGES.due(clock.now()) & IS_NEXT, pk=change_id)
        claimed = due.select_related("card__cardholder__user").first()
        # Should this worker die, nobody knows whether it sent anything.
        if claimed is None or not CHANGES.claim(claimed, status=states.Change.SENDING, may_have_arrived=True):
            return None
        return claimed


def _ask(change: CardChange, issuer: Issuer | None) -> bool:
    """Makes the call and records what came of it; True when the card is now the backup issuer's to make."""
    try:
        issued = _call(change, issuer or issuer_for(change.card.issuer_provider))
    except RefusedError as error:
        if change.kind == CardChange.Kind.CREATE and error.code == KEY_REUSED:
            # An earlier attempt sent other content (other limits, say) and may have made the card.
            _try_later(change, error)
        else:
            _refused(change, error)
    except PausedError as error:
        if issuer_failover.move_to_backup(change):
            return True
        _try_later(change, error, was_sent=False)
    except IssuerError as error:
        _try_later(change, error)
    else:
        _done(change, issued)
    return False


def _call(change: CardChange, issuer: Issuer) -> IssuedCard | None:
    card, key, asked_at = change.card, str(change.key), change.created_at
    if change.kind == CardChange.Kind.CREATE:
        order = CardOrder(_account_at(issuer, card), card.card_type, card.currency, _limits(card))
        return issuer.create_card(order, key=key, asked_at=asked_at)
    if not card.issuer_card_id:
        return None  # The issuer never made it, so there is nothing there to change.
    if change.kind == CardChange.Kind.LIMITS:
        issuer.set_spending_limits(card.issuer_card_id, _limits(card), key=key, asked_at=asked_at)
        return None
    target = TARGETS[CardChange.Kind(change.kind)]
    return issuer.update_card_status(card.issuer_card_id, target, reason=change.reason, key=key, asked_at=asked_at)


def _account_at(issuer: Issuer, card: VirtualCard) -> str:
    """Returns the cardholder's id at the issuer, made there first if need be, under a key of its own."""
    account = IssuerAccount.objects.get(cardholder=card.cardholder, provider=card.issuer_provider)
    if not account.issuer_cardholder_id:
        person = person_of(card.cardholder)
        account.issuer_cardholder_id = issuer.create_cardholder(
            person, key=str(account.public_id), asked_at=account.created_at
        )
        _keep(account, person)
    return account.issuer_cardholder_id


def _keep(account: IssuerAccount, person: Person) -> None:
    """Keeps who the person is at the issuer, and notes when their profile changed while it was asked."""
    with transaction():
        lock_person(account.cardholder_id)
        rows = IssuerAccount.objects.filter(pk=account.pk, issuer_cardholder_id="")
        if not rows.update(issuer_cardholder_id=account.issuer_cardholder_id):
            return
        # Read after the lock, the e-mail address too, which is another table's.
        if person_of(Cardholder.objects.select_related("user").get(pk=account.cardholder_id)) != person:
            profile_updates.intend(account)


def _done(change: CardChange, issued: IssuedCard | None) -> None:
    with transaction():
        card = _lock_with_earlier(change)
        if not change_records.end(change, states.Change.DONE):
            return
        if change.kind == CardChange.Kind.CREATE and issued is not None:
            _take_over(card, issued)
        target = TARGETS.get(CardChange.Kind(change.kind))
        if target is not None and not _taken_back(change):
            freed = {"frozen_by": ""} if target == states.Card.ACTIVE else {}
            movable = VirtualCard.objects.filter(pk=card.pk, status__in=sources_of(states.CARD_MOVES, target))
            if movable.update(status=target, **freed):
                card_notices.status_changed(card, target, cause=f"change:{change.key}")
        if change.kind == CardChange.Kind.ACTIVATE and card.replacement_reason:
            handover.end_earlier(card, requested_by=change.requested_by)
        VirtualCard.objects.filter(pk=card.pk).update(last_synced_at=clock.now())
        trail.record(actor=_actor(card), action=f"card.{change.kind}_done", subject=card, change=str(change.key))


def _lock_with_earlier(change: CardChange) -> VirtualCard:
    """Locks the card, and before it the one that it replaces, whose balance may move."""
    if change.card.replaces_id:
        locking.lock_cards([change.card.replaces_id, change.card_id])
    return locking.lock_card(change.card_id)


def _taken_back(change: CardChange) -> bool:
    """Returns whether the card was frozen or closed again while the issuer was still making it usable."""
    later = CardChange.objects.filter(card_id=change.card_id, pk__gt=change.pk, status__in=states.OPEN_CHANGE)
    return later.filter(kind__in=(CardChange.Kind.FREEZE, CardChange.Kind.CLOSE)).exists()


def _take_over(card: VirtualCard, issued: IssuedCard) -> None:
    """Notes the card as the issuer really made it; an issuer's network that we have no word for changes nothing."""
    known = {"card_type": issued.card_type} if issued.card_type in VirtualCard.CardType.values else {}
    VirtualCard.objects.filter(pk=card.pk).update(
        **known,
        issuer_card_id=issued.issuer_card_id,
        issuer_card_token=issued.issuer_card_id,
        last_four=issued.last_four,
        expiry_month=issued.expiry_month,
        expiry_year=issued.expiry_year,
    )


def _refused(change: CardChange, error: RefusedError) -> None:
    """Final: a card that cannot be made is closed; what we hold more strictly than the issuer stays so."""
    with transaction():
        card = _lock_with_earlier(change)
        if not change_records.end(change, states.Change.REFUSED, error):
            return
        if change.kind == CardChange.Kind.CREATE:
            VirtualCard.objects.filter(pk=card.pk, issuer_card_id="").update(status=states.Card.CLOSED)
            handover.give_back(card)
        trail.record(
            actor=_actor(card),
            action=f"card.{change.kind}_refused",
            subject=card,
            change=str(change.key),
            why=error.message,
        )


def _try_later(change: CardChange, error: IssuerError, *, was_sent: bool = True) -> None:
    """Puts the change back with a later due time; after many attempts it opens a case.

    A pause is no attempt and opens no case: nothing was sent, and the issuer's admin page shows the pause.
    """
    with transaction():
        locking.lock_card(change.card_id)
        is_ours = CHANGES.put_back(
            change,
            message=error.message,
            delay_s=getattr(error, "retry_after_s", None),
            status=states.Change.INTENDED,
            failure_code=error.code,
            may_have_arrived=was_sent or change.may_have_arrived,
            was_sent=was_sent,
        )
        complaint = CHANGES.complaint(change, error.message)
        if is_ours and complaint and was_sent:
            change_records.open_case(change, complaint)


def _limits(card: VirtualCard) -> Limits:
    windows = (card.per_transaction_limit_minor, card.daily_limit_minor, card.monthly_limit_minor)
    return Limits(*windows, currency=card.currency)


def _actor(card: VirtualCard) -> str:
    return f"issuer:{card.issuer_provider}"
