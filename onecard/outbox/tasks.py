"""The outbox's Celery task."""

from typing import Any

from celery import shared_task

from onecard.outbox import relay


@shared_task(name="onecard.outbox.tasks.forget_published")
def forget_published(**_newer: Any) -> None:
    """Deletes messages that were published long ago."""
    relay.forget_published()
