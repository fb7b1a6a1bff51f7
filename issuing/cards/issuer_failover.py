"""Moves a card that its issuer was never asked for to the backup issuer, if policy allows it.

A request without an answer may have made the card, and a second request elsewhere would make two cards. Such a card
waits for its issuer.
"""

from django.db.models import F

from audit import trail
from issuing import locking, states
from issuing.models import CardChange, IssuerAccount, VirtualCard
from issuing.operations import availability
from onecard.kit import clock
from onecard.kit.transactions import transaction


def move_to_backup(change: CardChange) -> bool:
    """Gives a claimed creation to the backup issuer; False when it must stay.

    A replacement stays with its card's issuer. `change` is as read at its claim: its `may_have_arrived` is about
    earlier attempts, which sent nothing.
    """
    if change.kind != CardChange.Kind.CREATE or change.may_have_arrived or change.card.replacement_reason:
        return False
    provider = change.card.issuer_provider
    backup = availability.backup_of(availability.of(provider))
    return backup is not None and _move(change, provider, backup)


def _move(change: CardChange, provider: str, backup: str) -> bool:
    with transaction():
        card = locking.lock_card(change.card_id)
        mine = CardChange.objects.filter(pk=change.pk, attempts=change.attempts, status=states.Change.SENDING)
        if not mine.update(
            status=states.Change.INTENDED,
            attempts=F("attempts") - 1,
            may_have_arrived=False,
            claimed_until=None,
            next_attempt_at=clock.now(),
            updated_at=clock.now(),
        ):
            return False
        VirtualCard.objects.filter(pk=card.pk, issuer_card_id="").update(issuer_provider=backup)
        IssuerAccount.objects.get_or_create(cardholder_id=card.cardholder_id, provider=backup)
        trail.record(actor="system:fallback", action="card.moved_to_backup", subject=card, was=provider, now=backup)
    return True
