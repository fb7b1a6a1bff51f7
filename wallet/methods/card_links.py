"""Mails a person the address of the processor's page on which they add a funding card."""

import logging
import uuid
from smtplib import SMTPException
from typing import Final

from django.conf import settings
from django.core.mail import send_mail
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.debug import sensitive_variables

from audit import trail
from audit.models import Entry
from onecard.kit.transactions import require_no_transaction, transaction
from wallet.models import Cardholder

log = logging.getLogger(__name__)
MAILED: Final = "method.link_mailed"


@sensitive_variables("address")
def mail_link(holder: Cardholder, *, address: str, request_id: uuid.UUID, actor: str) -> bool:
    """Mails the address to the person, once per `request_id`; returns whether it is on its way.

    False where the person has no e-mail address or the mail server does not take it: the address can be given another
    way. A process that dies between the mail and its record mails again when it is asked again. The trail has who asked
    and never the address, with which anybody could add a card. Raises TransactionError inside a transaction.
    """
    require_no_transaction("A mail")
    if not holder.user.email:
        return False
    mine = Entry.objects.filter(subject_type="cardholder", subject_id=str(holder.pk), action=MAILED)
    if mine.filter(details__request=str(request_id)).exists():
        return True
    try:
        send_mail(*_mail(holder, address), settings.SERVER_EMAIL, [holder.user.email])
    except (SMTPException, OSError) as error:
        log.error("The link of card setup %s could not be mailed: %s.", request_id, type(error).__name__)  # noqa: TRY400
        return False
    with transaction():
        trail.record(actor=actor, action=MAILED, subject=holder, request=str(request_id))
    return True


def _mail(holder: Cardholder, address: str) -> tuple[str, str]:
    """Returns subject and body in the language of the product's mails, not in that of the member of staff."""
    with override(settings.LANGUAGE_CODE):
        sentences = [
            _("Hello %(person)s,") % {"person": holder.name},
            _("on this page you add one of your cards to your One Card wallet. It works once, for a day:"),
            address,
            _("The page is our payment processor's: we never see the card's number. Pass the address on to nobody."),
            _("If you did not ask for this, you need not do anything."),
        ]
        return _("Add a card to your One Card wallet"), "\n\n".join(sentences) + "\n"
