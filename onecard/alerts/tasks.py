"""The Celery tasks of alerts. They take ids only, and ignore arguments of newer versions."""

from typing import Any

from celery import shared_task

from onecard.alerts import evaluation, sending


@shared_task(name="onecard.alerts.tasks.evaluate")
def evaluate(**_newer: Any) -> None:
    """Measures every rule, and opens, continues or resolves incidents."""
    evaluation.evaluate()


@shared_task(name="onecard.alerts.tasks.send_message")
def send_message(*, message_id: int, **_newer: Any) -> None:
    """Makes one attempt at a mail or webhook about an incident."""
    sending.send(message_id=message_id)


@shared_task(name="onecard.alerts.tasks.sweep_messages")
def sweep_messages(**_newer: Any) -> None:
    """Makes an attempt at each due message whose message in the outbox seems lost."""
    sending.sweep()
