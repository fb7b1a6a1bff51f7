"""The queue's doors into issuing. Ids only, and unknown arguments are ignored: old workers meet new messages."""

from typing import Any

from celery import shared_task

from issuing import card_changes, handlers


@shared_task(name="issuing.tasks.handle_event")
def handle_event(*, event_pk: int, **_newer: Any) -> None:
    """Acts on one stored event."""
    handlers.handle(event_pk=event_pk)


@shared_task(name="issuing.tasks.sweep_inbox")
def sweep_inbox(**_newer: Any) -> None:
    """Handles the events that the queue forgot."""
    handlers.sweep()


@shared_task(name="issuing.tasks.carry_out_card_change")
def carry_out_card_change(*, change_id: int, **_newer: Any) -> None:
    """Makes a try at something that was asked of an issuer."""
    card_changes.carry_out(change_id=change_id)


@shared_task(name="issuing.tasks.sweep_card_changes")
def sweep_card_changes(**_newer: Any) -> None:
    """Tries the card changes that the queue forgot."""
    card_changes.sweep()
