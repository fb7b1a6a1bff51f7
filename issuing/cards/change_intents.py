"""Records a request to an issuer before it is sent."""

from audit import trail
from issuing.models import CardChange, VirtualCard
from onecard.kit import clock
from onecard.kit.transactions import require_transaction
from onecard.outbox import services as outbox


def intend(card: VirtualCard, kind: str, *, requested_by: str, reason: str = "") -> CardChange:
    """Records a change with its trail and its message, in the caller's transaction; a worker sends it after the commit.

    Raises TransactionError outside a transaction.
    """
    require_transaction(f"The change {kind} of a card")
    now = clock.now()
    change = CardChange.objects.create(
        card=card,
        kind=kind,
        reason=reason,
        requested_by=requested_by,
        next_attempt_at=now,
        created_at=now,
        updated_at=now,
    )
    trail.record(
        actor=requested_by, action=f"card.{kind}_requested", subject=card, change=str(change.key), reason=reason
    )
    outbox.put(topic="card.change_requested", change_id=change.pk)
    return change
