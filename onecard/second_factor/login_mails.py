"""Mails to staff and people about their own login: what happened, and what to do if it was not them."""

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail

from audit.models import Entry
from onecard.kit.transactions import require_no_transaction
from onecard.second_factor import invitations, trail_of_logins
from onecard.second_factor.happenings import FOR_PEOPLE, HAPPENED, NOT_YOU
from onecard.users.models import Invitation, User

log = logging.getLogger(__name__)


def send(entry_id: int) -> None:
    """Mails a person what an audit entry says about their login; raises the mail server's error.

    A repeated task sends the mail again: two mails are better than none.
    """
    require_no_transaction("A mail")
    entry = Entry.objects.filter(pk=entry_id, action__in=HAPPENED).first()
    user = User.objects.filter(pk=entry.subject_id).first() if entry else None
    if entry is None or user is None:
        return
    for address in sorted({user.email, str(entry.details.get("earlier_email", ""))} - {""}):
        try:
            send_mail("Your One Card login", _words(entry, user), settings.SERVER_EMAIL, [address])
        except (SMTPException, OSError) as error:
            log.error("The mail of entry %s could not be sent: %s.", entry_id, type(error).__name__)  # noqa: TRY400
            raise


def _words(entry: Entry, user: User) -> str:
    realm = trail_of_logins.realm_of(user)
    name = user.get_full_name() or (user.get_username() if realm == "staff" else "")
    happened = HAPPENED | (FOR_PEOPLE if realm == "person" else {})
    lines = [f"Hello {name}".strip() + ",", "", happened[entry.action]]
    if entry.action == "staff.invited":
        invitation = Invitation.objects.filter(pk=entry.details["invitation"]).first()
        if invitation is not None and invitations.why_closed(invitation) == "":
            lines += [f"Open {invitations.link(invitation)} before {invitation.expires_at:%Y-%m-%d %H:%M} UTC."]
    if entry.action == "person.new_device":
        lines += [f"Address: {entry.details['address']}. Device: {entry.details['browser'] or 'unknown'}."]
    lines += ["", f"When: {entry.recorded_at:%Y-%m-%d %H:%M} UTC.", NOT_YOU[realm]]
    return "\n".join(lines)
