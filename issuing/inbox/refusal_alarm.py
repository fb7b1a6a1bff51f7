"""Mails ADMINS when the case about events refused for their mode, account or version is opened."""

import logging
from smtplib import SMTPException

from django.core.mail import mail_admins

from wallet.models import Case

log = logging.getLogger(__name__)


def mail_administrators(*, case_id: int) -> None:
    """Mails the case's sentence to the administrators, if there are any; the case stays either way."""
    case = Case.objects.get(pk=case_id)
    try:
        mail_admins("Events of the issuer are refused", case.summary)
    except (SMTPException, OSError) as error:
        log.error("The mail about case %s could not be sent: %s.", case_id, type(error).__name__)  # noqa: TRY400
