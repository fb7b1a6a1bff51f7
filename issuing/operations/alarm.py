"""When an issuer refuses our credentials: mails ADMINS and writes the audit entry that the Issuers page shows."""

import logging
from smtplib import SMTPException

from django.core.mail import mail_admins

from audit import trail
from issuing.issuers.guard import alerts
from issuing.models import IssuerControl
from issuing.operations.control import AUTHENTICATION_FAILED
from onecard.kit.transactions import transaction

log = logging.getLogger(__name__)


def install() -> None:
    """Registers the alarm. Called once, when the process starts."""
    alerts.add_hook(mail_administrators)


def mail_administrators(provider: str, sentence: str) -> None:
    """Writes an audit entry and mails ADMINS, if there are any."""
    with transaction():
        control, _ = IssuerControl.objects.get_or_create(provider=provider)
        trail.record(actor=f"issuer:{provider}", action=AUTHENTICATION_FAILED, subject=control, sentence=sentence)
    try:
        mail_admins(f"{control} turns our credentials away", sentence)
    except (SMTPException, OSError) as error:
        log.error("The mail about %s could not be sent: %s.", provider, type(error).__name__)  # noqa: TRY400
