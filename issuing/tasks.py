"""The queue's doors into issuing. Ids only, and unknown arguments are ignored: old workers meet new messages."""

from typing import Any

from celery import shared_task

from issuing import handlers


@shared_task(name="issuing.tasks.handle_event")
def handle_event(*, event_pk: int, **_newer: Any) -> None:
    """Acts on one stored event."""
    handlers.handle(event_pk=event_pk)


@shared_task(name="issuing.tasks.sweep_inbox")
def sweep_inbox(**_newer: Any) -> None:
    """Handles the events that the queue forgot."""
    handlers.sweep()
