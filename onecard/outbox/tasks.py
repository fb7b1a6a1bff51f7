"""The queue's door into the outbox."""

from typing import Any

from celery import shared_task

from onecard.outbox import relay


@shared_task(name="onecard.outbox.tasks.forget_published")
def forget_published(**_newer: Any) -> None:
    """Deletes messages that went out long ago."""
    relay.forget_published()
