"""The queue's doors into issuing. Ids only, and unknown arguments are ignored: old workers meet new messages."""

from typing import Any

from celery import shared_task

from issuing import card_changes, card_funding, handlers
from issuing.sync import by_clock
from issuing.sync.one_card import sync_card as compare_card


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


@shared_task(name="issuing.tasks.sync_card")
def sync_card(*, card_id: int, **_newer: Any) -> None:
    """Compares one card with its issuer, which told news of it."""
    compare_card(card_id, actor="system:sync")


@shared_task(name="issuing.tasks.sync_issuers")
def sync_issuers(**_newer: Any) -> None:
    """Begins the comparisons that are due, or goes on with them for a while."""
    by_clock.sync_due()


@shared_task(name="issuing.tasks.sweep_card_funding")
def sweep_card_funding(**_newer: Any) -> None:
    """Puts on cards what their sources have paid meanwhile."""
    card_funding.sweep()
