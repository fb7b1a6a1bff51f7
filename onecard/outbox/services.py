"""Putting a message in the outbox."""

from onecard.kit import clock
from onecard.kit.transactions import require_transaction
from onecard.outbox.models import Message


def put(*, topic: str, **payload: int | str) -> Message:
    """Writes a message in the caller's transaction; raises TransactionError outside one."""
    require_transaction(f"The message {topic}")
    return Message.objects.create(topic=topic, payload=payload, created_at=clock.now())
