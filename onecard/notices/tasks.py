"""The Celery tasks of notices. They take ids only, and ignore arguments of newer versions."""

from typing import Any

from celery import shared_task

from onecard.notices import mails


@shared_task(name="onecard.notices.tasks.send_mail")
def send_mail(*, mail_id: int, **_newer: Any) -> None:
    """Makes one attempt at the mail of a notice."""
    mails.send(mail_id=mail_id)


@shared_task(name="onecard.notices.tasks.sweep_mails")
def sweep_mails(**_newer: Any) -> None:
    """Makes an attempt at each due mail whose message the queue lost."""
    mails.sweep()
