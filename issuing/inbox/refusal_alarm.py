"""Events that are refused by their mode, account or version: a mail to ADMINS when their case is opened."""

import logging
from smtplib import SMTPException

from django.core.mail import mail_admins

from wallet.models import Case

log = logging.getLogger(__name__)


def mail_administrators(*, case_id: int) -> None:
    """Mails the case's sentence, if there are any administrators; the case stands in either way."""
    case = Case.objects.get(pk=case_id)
    try:
        mail_admins("Events of the issuer are refused", case.summary)
    except (SMTPException, OSError) as error:
        log.error("The mail about case %s could not be sent: %s.", case_id, type(error).__name__)  # noqa: TRY400
