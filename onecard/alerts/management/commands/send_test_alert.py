"""Sends a mail and a webhook, so that an operator sees whether alerts arrive."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from onecard.alerts import messages, sending
from onecard.alerts.models import AlertMessage
from onecard.alerts.states import Channel, Sending

NOT_SENT = 1


class Command(BaseCommand):
    help = (
        "Sends a test by every way that alerts go, at once, and prints what came of each. Status 1: one was not sent."
    )

    def handle(self, **_options: Any) -> None:
        sent = sending.send_test()
        if not sent:
            raise CommandError("No way is set: set ALERT_MAILS or ADMINS, or ALERT_WEBHOOK_URL with its secret.")
        for row in sent:
            self.stdout.write(f"{row.get_channel_display()} to {messages.receiver_of(row)}: {_result(row)}")
        if any(row.status != Sending.SENT for row in sent):
            raise CommandError("Mend what it says, and run this again.", returncode=NOT_SENT)


def _result(row: AlertMessage) -> str:
    if row.status != Sending.SENT:
        return f"not sent. {row.failure_message}"
    return "taken by the mail server." if row.channel == Channel.MAIL else "answered with success."
