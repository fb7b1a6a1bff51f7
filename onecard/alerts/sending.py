"""Sending mails and webhooks about incidents: claim and commit, send, record (onecard/kit/attempts.py).

Each goes out at least once, and always with the same id and body: a worker that dies between the receiver's yes and the
record leaves one that goes out again. The id is the mail's Message-ID and the webhook's `webhook-id`.
"""

import datetime as dt
from smtplib import SMTPException
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage

from onecard.alerts import messages
from onecard.alerts.models import AlertMessage
from onecard.alerts.states import UNSENT, Channel, Occasion, Sending
from onecard.integrations import signing, targets, wire
from onecard.integrations.errors import TargetRefusedError
from onecard.integrations.sending import HEADERS
from onecard.kit import clock
from onecard.kit.attempts import SWEEP_BATCH, Attempts
from onecard.kit.backoff import backoff_s
from onecard.kit.sweeper import each_in_turn
from onecard.kit.transactions import require_no_transaction, transaction

MESSAGES: Final = Attempts(
    model=AlertMessage, what="message of an incident", statuses=UNSENT, grace=dt.timedelta(seconds=15)
)
# Whoever is to be woken waits no longer than this after the mail server or the receiver works again.
LONGEST_WAIT_S: Final = 300.0
# A mail server that is dead for a long weekend loses nothing; after this the back office alone shows the incident.
GIVE_UP_AFTER: Final = dt.timedelta(days=7)


def send(*, message_id: int) -> str:
    """Makes one attempt at a due message and returns its status; safe to call twice, at once or late.

    Raises TransactionError inside a transaction.
    """
    require_no_transaction("A message of an incident")
    claimed = _claim(message_id)
    if claimed is not None:
        _record(claimed, _send_mail(claimed) if claimed.channel == Channel.MAIL else _send_webhook(claimed))
    return AlertMessage.objects.values_list("status", flat=True).get(pk=message_id)


def sweep() -> int:
    """Makes an attempt at each due message whose message in the outbox seems lost; returns how many."""
    return MESSAGES.sweep(lambda message_id: send(message_id=message_id))


def send_due() -> int:
    """Makes an attempt at each message that is due, without the head start of the queue; returns how many."""
    due = AlertMessage.objects.filter(MESSAGES.due(clock.now())).order_by("next_attempt_at", "pk")
    waiting = list(due.values_list("pk", flat=True)[:SWEEP_BATCH])
    return each_in_turn(waiting, lambda message_id: send(message_id=message_id), what=MESSAGES.what)


def send_test() -> list[AlertMessage]:
    """Sends a test by every way that is set, and returns what became of each; a failure is not tried again."""
    with transaction():
        rows = messages.intend(None, Occasion.TEST)
    for row in rows:
        send(message_id=row.pk)
        row.refresh_from_db()
    return rows


def _claim(message_id: int) -> AlertMessage | None:
    with transaction():
        row = AlertMessage.objects.filter(MESSAGES.due(clock.now()), pk=message_id).first()
        if row is None or _waits_for_opening(row):
            return None
        return row if MESSAGES.claim(row, status=Sending.SENDING) else None


def _waits_for_opening(row: AlertMessage) -> bool:
    """Makes the end of an incident wait until its beginning was sent the same way."""
    if row.occasion != Occasion.RESOLVED:
        return False
    same_way = AlertMessage.objects.filter(incident=row.incident_id, channel=row.channel)
    opening = same_way.filter(occasion=Occasion.OPENED, status__in=UNSENT).first()
    if opening is None or opening.next_attempt_at is None:
        return False
    MESSAGES.wait(row, opening.next_attempt_at)
    return True


def _send_mail(row: AlertMessage) -> str:
    """Returns why it failed; "" when the mail server took it."""
    to = messages.mail_addresses()
    if not to:
        return "No mail address is set: set ALERT_MAILS or ADMINS."
    domain = settings.SERVER_EMAIL.rpartition("@")[2].strip(" <>") or "localhost"
    headers = {"Message-ID": f"<alert-{row.public_id}@{domain}>", "Auto-Submitted": "auto-generated"}
    subject = f"{settings.EMAIL_SUBJECT_PREFIX}{row.subject}"
    try:
        EmailMessage(subject, row.body, settings.SERVER_EMAIL, to, headers=headers).send()
    except (SMTPException, OSError) as error:
        return f"The mail server did not take it: {type(error).__name__}."
    return ""


def _send_webhook(row: AlertMessage) -> str:
    """Returns why it failed; "" when the receiver answered with a 2xx."""
    body = row.body.encode()
    sent_at = int(clock.now().timestamp())
    try:
        target = targets.read(settings.ALERTS.webhook_url)
    except TargetRefusedError as error:
        return str(error.message)
    signed = signing.signed(settings.ALERTS.webhook_secrets, event_id=str(row.public_id), timestamp=sent_at, body=body)
    return wire.post(target, body, {**HEADERS, **signed}).failure


def _record(claimed: AlertMessage, failure: str) -> None:
    now = clock.now()
    if not failure:
        _end(claimed, Sending.SENT, failure_message="", sent_at=now)
    elif now > claimed.created_at + GIVE_UP_AFTER or claimed.occasion == Occasion.TEST:
        _end(claimed, Sending.GIVEN_UP, failure_message=failure[:300])
    else:
        delay_s = min(backoff_s(claimed.attempts), LONGEST_WAIT_S)
        MESSAGES.put_back(claimed, message=failure, delay_s=delay_s, status=Sending.WAITING)


def _end(claimed: AlertMessage, status: str, **more: object) -> None:
    ended = {"claimed_until": None, "next_attempt_at": None, "updated_at": clock.now()}
    MESSAGES.held(claimed).update(status=status, **ended, **more)
