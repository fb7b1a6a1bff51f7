"""The Celery task that mails staff. It takes ids only and ignores unknown arguments."""

from typing import Any

from celery import Task, shared_task

from onecard.second_factor import login_mails


@shared_task(bind=True, name="onecard.second_factor.tasks.notify", max_retries=8)
def notify(self: "Task[Any, Any]", /, *, entry_id: int, **_newer: Any) -> None:
    """Mails a person what happened to their login; retries for some hours when the mail server refuses."""
    try:
        login_mails.send(entry_id)
    except OSError as error:
        raise self.retry(exc=error, countdown=60 * 2**self.request.retries) from error
