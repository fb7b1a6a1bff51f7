"""Writing the audit trail: an explicit call in the transaction of the change."""

from typing import Any

from django.db import models

from audit.models import Entry
from onecard.kit import clock
from onecard.kit.transactions import require_transaction


def record(*, actor: str, action: str, subject: models.Model, **details: Any) -> Entry:
    """Adds an entry in the caller's transaction; raises TransactionError outside one.

    `details` are JSON values without card numbers, codes or keys (money-safety I15).
    """
    require_transaction(f"The audit entry {action}")
    return Entry.objects.create(
        recorded_at=clock.now(),
        actor=actor,
        action=action,
        subject_type=type(subject).__name__.lower(),
        subject_id=str(subject.pk),
        details=details,
    )
