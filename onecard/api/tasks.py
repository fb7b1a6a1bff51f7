"""The frontend API's Celery task."""

from typing import Any

from celery import shared_task

from onecard.api import idempotency


@shared_task(name="onecard.api.tasks.forget_old_requests")
def forget_old_requests(**_newer: Any) -> None:
    """Deletes idempotency keys that are older than 24 hours, with their answers."""
    idempotency.forget_old()
