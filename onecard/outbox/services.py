"""Putting a message in the outbox."""

from onecard.kit import clock, log_context
from onecard.kit.transactions import require_transaction
from onecard.outbox.models import CAUSED_BY, Message


def put(*, topic: str, **payload: int | str) -> Message:
    """Writes a message in the caller's transaction, with the ids of its cause; raises TransactionError outside one."""
    require_transaction(f"The message {topic}")
    cause = log_context.carried()
    caused_by = {CAUSED_BY: cause} if cause else {}
    return Message.objects.create(topic=topic, payload=payload | caused_by, created_at=clock.now())
