"""The frontend API's Celery tasks. They take ids only, and ignore arguments of newer versions."""

from typing import Any

from celery import Task, shared_task

from onecard.api import idempotency
from onecard.api.auth import devices, mails


@shared_task(name="onecard.api.tasks.forget_old_requests")
def forget_old_requests(**_newer: Any) -> None:
    """Deletes idempotency keys that are older than 24 hours, with their answers."""
    idempotency.forget_old()


@shared_task(bind=True, name="onecard.api.tasks.send_login_mail", max_retries=5)
def send_login_mail(self: "Task[Any, Any]", /, *, mail_id: int, **_newer: Any) -> None:
    """Sends a mail with a code; tries again for some minutes when the mail server refuses."""
    try:
        mails.send(mail_id)
    except OSError as error:
        raise self.retry(exc=error, countdown=15 * 2**self.request.retries) from error


@shared_task(name="onecard.api.tasks.forget_login_mails")
def forget_login_mails(**_newer: Any) -> None:
    """Deletes mails whose code is no longer good."""
    mails.forget_old()


@shared_task(name="onecard.api.tasks.forget_expired_sessions")
def forget_expired_sessions(**_newer: Any) -> None:
    """Deletes sessions that have expired."""
    devices.forget_expired()
