"""The row of a card change: recorded before it is sent, ended by an outcome, and its case while it keeps failing.

issuing/cards/changes.py sends it.
"""

import uuid
from collections.abc import Collection
from typing import Any

from audit import trail
from issuing import states
from issuing.issuers.base import IssuerError
from issuing.models import CardChange, VirtualCard
from onecard.kit import clock
from onecard.kit.transactions import require_transaction
from onecard.kit.transitions import sources_of
from onecard.outbox import services as outbox
from wallet import cases
from wallet.models import Case


def intend(
    card: VirtualCard, kind: str, *, requested_by: str, reason: str = "", key: uuid.UUID | None = None
) -> CardChange:
    """Records a change with its trail and its message, in the caller's transaction; a worker sends it after the commit.

    `key` is the request's own; with `repeated` a repeat is the same change. Raises TransactionError outside a
    transaction.
    """
    require_transaction(f"The change {kind} of a card")
    now = clock.now()
    change = CardChange.objects.create(
        card=card,
        kind=kind,
        reason=reason,
        requested_by=requested_by,
        key=key or uuid.uuid4(),
        next_attempt_at=now,
        created_at=now,
        updated_at=now,
    )
    trail.record(
        actor=requested_by, action=f"card.{kind}_requested", subject=card, change=str(change.key), reason=reason
    )
    outbox.put(topic="card.change_requested", change_id=change.pk)
    return change


def repeated(kind: str, key: uuid.UUID | None, *, card: VirtualCard | None = None) -> CardChange | None:
    """Returns the change that an earlier request with this key made, if it made one; call it under the card's lock."""
    if key is None:
        return None
    rows = CardChange.objects.filter(key=key, kind=kind)
    return (rows.filter(card=card) if card else rows).first()


def end(change: CardChange, target: str, error: IssuerError | None = None) -> bool:
    """Moves a change to the issuer's answer and closes its case, under the card's lock; False when it has ended."""
    code, message = (error.code, error.message[:300]) if error else ("", "")
    return _move(change, target, failure_code=code, failure_message=message, claimed_until=None)


def supersede(card: VirtualCard, kinds: Collection[str]) -> None:
    """Ends the changes of these kinds that no worker is sending now, under the card's lock."""
    for change in CardChange.objects.filter(card=card, kind__in=kinds, status=states.Change.INTENDED):
        _move(change, states.Change.SUPERSEDED)


def open_case(change: CardChange, complaint: str) -> None:
    """Opens one case for a change that keeps failing, under the card's lock; a case that staff closed stays closed."""
    kind, holder = Case.Kind.CARD_CHANGE_FAILING, change.card.cardholder
    if not Case.objects.filter(kind=kind, reference=change.reference).exists():
        summary = f"{change} of {holder.name}, at {change.card.get_issuer_provider_display()}: {complaint}"
        cases.open_case(kind=kind, reference=change.reference, money=cases.NO_MONEY, summary=summary)


def _move(change: CardChange, target: str, **more: Any) -> bool:
    rows = CardChange.objects.filter(pk=change.pk, status__in=sources_of(states.CHANGE_MOVES, target))
    if rows.update(status=target, next_attempt_at=None, updated_at=clock.now(), **more) != 1:
        return False
    cases.resolve_cases(reference=change.reference, kinds=(Case.Kind.CARD_CHANGE_FAILING,))
    return True
