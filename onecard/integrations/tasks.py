"""The Celery tasks of webhooks. They take ids only, and ignore arguments of newer versions."""

from typing import Any

from celery import shared_task

from onecard.integrations import retention, sending


@shared_task(name="onecard.integrations.tasks.send_webhook")
def send_webhook(*, delivery_id: int, **_newer: Any) -> None:
    """Makes one attempt at a delivery."""
    sending.send(delivery_id=delivery_id)


@shared_task(name="onecard.integrations.tasks.sweep_webhooks")
def sweep_webhooks(**_newer: Any) -> None:
    """Makes an attempt at each due delivery whose message the queue lost."""
    sending.sweep()


@shared_task(name="onecard.integrations.tasks.forget_old_events")
def forget_old_events(**_newer: Any) -> None:
    """Deletes events that are older than they are kept."""
    retention.forget_old()
