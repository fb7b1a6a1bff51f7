"""Mails with codes, and those that take their place where an address has a login already, or none.

Each is a row that commits with the outbox's message, so that an answer takes the same time whether or not there is such
a login, and so that a mail server that is away loses nothing. Mails about events of a login are in
onecard/second_factor/login_mails.py.
"""

import datetime as dt
import logging
from smtplib import SMTPException
from typing import Final

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import Q
from django.views.decorators.debug import sensitive_variables

from onecard.api.models import LoginMail
from onecard.kit import clock
from onecard.kit.crypto import open_sealed, seal
from onecard.kit.transactions import require_no_transaction, transaction
from onecard.outbox import services as outbox
from onecard.sign_in import CODE_GOOD_FOR_S

log = logging.getLogger(__name__)
Kind = LoginMail.Kind

RING: Final = "SECOND_FACTOR_KEYS"
CONTEXT: Final = "api_loginmail.sealed_code"
GOOD_FOR: Final = dt.timedelta(seconds=CODE_GOOD_FOR_S)
# Longer than the mail server's time-out, so that a mail is not sent by two workers.
CLAIMED_FOR: Final = dt.timedelta(seconds=60)

# allauth's names of its mails, and ours.
KINDS: Final = {
    "account/email/email_confirmation_signup": Kind.VERIFY,
    "account/email/email_confirmation": Kind.VERIFY,
    "account/email/password_reset_code": Kind.RESET,
    "account/email/account_already_exists": Kind.ALREADY_A_LOGIN,
    "account/email/unknown_account": Kind.NO_LOGIN,
}
SUBJECTS: Final = {
    Kind.VERIFY: "Your code for One Card",
    Kind.RESET: "Your code to set a new password",
    Kind.ALREADY_A_LOGIN: "You have a One Card login already",
    Kind.NO_LOGIN: "There is no One Card login with this address",
}
WORDS: Final = {
    Kind.VERIFY: "Somebody, probably you, gave this address to One Card. This code proves that it is yours:",
    Kind.RESET: "Somebody, probably you, asks to set a new password for your One Card login. This code allows it:",
    Kind.ALREADY_A_LOGIN: "Somebody, probably you, tried to sign up with this address, but a login has it already.\n"
    "Log in with it, or set a new password if you have forgotten yours.",
    Kind.NO_LOGIN: "Somebody, probably you, asked for a new password, but no person's login has this address.\n"
    "Try another address of yours, or sign up.",
}
NOT_YOU: Final = "If this was not you, you need not do anything. Tell nobody the code."


@sensitive_variables("code", "sealed")
def put(*, kind: LoginMail.Kind, to: str, code: str = "") -> LoginMail:
    """Stores a mail and its message in one transaction."""
    sealed = seal(code, context=CONTEXT, ring=RING) if code else ""
    with transaction():
        mail = LoginMail.objects.create(kind=kind, to=to, sealed_code=sealed, created_at=clock.now())
        outbox.put(topic="login.mail", mail_id=mail.pk)
    return mail


def send(mail_id: int) -> None:
    """Sends a mail whose code is still good, and forgets it; raises the mail server's error.

    A worker that dies between the two leaves a mail that is sent again: two mails are better than none.
    """
    require_no_transaction("A mail")
    now = clock.now()
    is_free = Q(claimed_at=None) | Q(claimed_at__lt=now - CLAIMED_FOR)
    rows = LoginMail.objects.filter(pk=mail_id)
    mail = rows.first()
    if mail is None or mail.created_at < now - GOOD_FOR or not rows.filter(is_free).update(claimed_at=now):
        return
    try:
        send_mail(SUBJECTS[Kind(mail.kind)], _words(mail), settings.SERVER_EMAIL, [mail.to])
    except (SMTPException, OSError) as error:
        rows.update(claimed_at=None)
        log.error("Login mail %s could not be sent: %s.", mail_id, type(error).__name__)  # noqa: TRY400
        raise
    rows.delete()


def forget_old() -> int:
    """Deletes mails that could not be sent in time; returns how many."""
    return LoginMail.objects.filter(created_at__lt=clock.now() - GOOD_FOR).delete()[0]


@sensitive_variables()
def _words(mail: LoginMail) -> str:
    lines = ["Hello,", "", WORDS[Kind(mail.kind)]]
    if mail.sealed_code:
        code = open_sealed(mail.sealed_code, context=CONTEXT, ring=RING)
        lines += [
            "",
            f"    {code}",
            "",
            f"It is good for {CODE_GOOD_FOR_S // 60} minutes, and only where you asked for it.",
        ]
    return "\n".join([*lines, "", NOT_YOU])
