"""Mails about notices: intended with the notice, then claim and commit, send, record (onecard/kit/attempts.py).

Two workers never send one mail at once, and a mail that was recorded is never sent again. A worker that dies between
the mail server's yes and the record leaves a mail that goes out once more: two mails are better than none. Both have
the same Message-ID, by which most mailboxes show one.
"""

import datetime as dt
from smtplib import SMTPException
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage

from onecard.kit import clock
from onecard.kit.attempts import Attempts
from onecard.kit.transactions import require_no_transaction, require_transaction, transaction
from onecard.notices.models import Notice, NoticeMail
from onecard.outbox import services as outbox

Status = NoticeMail.Status
MAILS: Final = Attempts(
    model=NoticeMail,
    what="mail of a notice",
    statuses=(Status.INTENDED, Status.SENDING),
    grace=dt.timedelta(seconds=15),
)
# After this a mail is too late and is not sent; the notice stays in the feed.
GIVE_UP_AFTER: Final = dt.timedelta(days=2)


def intend(notice: Notice) -> None:
    """Writes the mail of a notice in its transaction, with the message for the worker."""
    require_transaction("The mail of a notice")
    now = clock.now()
    mail = NoticeMail.objects.create(notice=notice, next_attempt_at=now, created_at=now, updated_at=now)
    outbox.put(topic="notice.mail", mail_id=mail.pk)


def send(*, mail_id: int) -> str:
    """Makes one attempt at a due mail and returns its status; safe to call twice, at once or late.

    Raises TransactionError inside a transaction.
    """
    require_no_transaction("A mail")
    claimed = _claim(mail_id)
    if claimed is not None:
        _send(claimed)
    return NoticeMail.objects.values_list("status", flat=True).get(pk=mail_id)


def sweep() -> int:
    """Makes an attempt at every due mail whose message seems lost; returns how many."""
    return MAILS.sweep(lambda mail_id: send(mail_id=mail_id))


def _claim(mail_id: int) -> NoticeMail | None:
    with transaction():
        due = NoticeMail.objects.filter(MAILS.due(clock.now()), pk=mail_id)
        claimed = due.select_related("notice__user").first()
        return claimed if claimed is not None and MAILS.claim(claimed, status=Status.SENDING) else None


def _send(claimed: NoticeMail) -> None:
    notice = claimed.notice
    if not notice.user.email or clock.now() > claimed.created_at + GIVE_UP_AFTER:
        _end(claimed, Status.GIVEN_UP)
        return
    try:
        _mail_of(notice).send()
    except (SMTPException, OSError) as error:
        MAILS.put_back(claimed, message=type(error).__name__, delay_s=None, status=Status.INTENDED)
    else:
        _end(claimed, Status.SENT)


def _end(claimed: NoticeMail, status: str) -> None:
    MAILS.held(claimed).update(status=status, claimed_until=None, next_attempt_at=None, updated_at=clock.now())


def _mail_of(notice: Notice) -> EmailMessage:
    name = notice.user.get_full_name()
    lines = [
        f"Hello {name}".strip() + ",",
        "",
        notice.text,
        "",
        f"When: {notice.created_at:%Y-%m-%d %H:%M} UTC.",
        "You choose in the app, under notifications, which of these mails you get.",
    ]
    domain = settings.SERVER_EMAIL.rpartition("@")[2].strip(" <>") or "localhost"
    headers = {"Message-ID": f"<notice-{notice.public_id}@{domain}>", "Auto-Submitted": "auto-generated"}
    body = "\n".join(lines)
    return EmailMessage(f"One Card: {notice.title}", body, settings.SERVER_EMAIL, [notice.user.email], headers=headers)
