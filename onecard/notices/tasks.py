"""The Celery tasks of notices. They take ids only, and ignore arguments of newer versions."""

from typing import Any

from celery import shared_task

from onecard.notices import mails, webhook_notices


@shared_task(name="onecard.notices.tasks.send_mail")
def send_mail(*, mail_id: int, **_newer: Any) -> None:
    """Makes one attempt at the mail of a notice."""
    mails.send(mail_id=mail_id)


@shared_task(name="onecard.notices.tasks.sweep_mails")
def sweep_mails(**_newer: Any) -> None:
    """Makes an attempt at each due mail whose message the queue lost."""
    mails.sweep()


@shared_task(name="onecard.notices.tasks.tell_of_webhook_off")
def tell_of_webhook_off(*, entry_id: int, **_newer: Any) -> None:
    """Tells the owner of a webhook endpoint that its failures switched it off."""
    webhook_notices.switched_off(entry_id)
