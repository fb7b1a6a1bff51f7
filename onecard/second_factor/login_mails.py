"""Mails to staff and people about their own login: what happened, and what to do if it was not them.

The other administrators hear of an invitation and of a removed second factor as well: with a mailbox at hand, one
administrator could otherwise make a second person of themselves unseen.
"""

import logging
from smtplib import SMTPException
from typing import Final

from django.conf import settings
from django.core.mail import send_mail

from audit.models import Entry
from onecard.kit.transactions import require_no_transaction
from onecard.second_factor import invitations, trail_of_logins
from onecard.second_factor.happenings import FOR_PEOPLE, HAPPENED, NOT_YOU
from onecard.users.models import Invitation, User
from onecard.users.roles import administrators

# What the other administrators hear of, in words.
ADMINISTRATORS_HEAR: Final = {
    "staff.invited": "%(who)s invited %(whom)s to set up their login.",
    "second_factor.removed": "%(who)s removed the second factor of %(whom)s, who needs an invitation now.",
}
log = logging.getLogger(__name__)


def send(entry_id: int) -> None:
    """Mails a person, and administrators, what an audit entry says about a login; raises the mail server's error.

    A repeated task sends the mail again: two mails are better than none.
    """
    require_no_transaction("A mail")
    entry = Entry.objects.filter(pk=entry_id, action__in=HAPPENED).first()
    user = User.objects.filter(pk=entry.subject_id).first() if entry else None
    if entry is None or user is None:
        return
    for address in sorted({user.email, str(entry.details.get("earlier_email", ""))} - {""}):
        _mail(entry, address, "Your One Card login", _words(entry, user))
    for administrator in _other_administrators(entry, user):
        _mail(entry, administrator.email, "A One Card login", _words_for_administrators(entry, user, administrator))


def _mail(entry: Entry, address: str, subject: str, words: str) -> None:
    try:
        send_mail(subject, words, settings.SERVER_EMAIL, [address])
    except (SMTPException, OSError) as error:
        log.error("The mail of entry %s could not be sent: %s.", entry.pk, type(error).__name__)  # noqa: TRY400
        raise


def _other_administrators(entry: Entry, user: User) -> list[User]:
    """Returns the administrators who neither did it nor are the person it was done to."""
    if entry.action not in ADMINISTRATORS_HEAR or trail_of_logins.realm_of(user) != "staff":
        return []
    known = {entry.actor, f"user:{user.pk}"}
    return [each for each in administrators() if each.email and f"user:{each.pk}" not in known]


def _words_for_administrators(entry: Entry, user: User, administrator: User) -> str:
    kind, _colon, key = entry.actor.partition(":")
    by = User.objects.filter(pk=key).first() if kind == "user" and key.isdecimal() else None
    who, whom = by.get_username() if by else entry.actor, user.get_username()
    roles = ", ".join(user.groups.order_by("name").values_list("name", flat=True)) or "none"
    lines = [
        f"Hello {administrator.get_full_name() or administrator.get_username()},",
        "",
        ADMINISTRATORS_HEAR[entry.action] % {"who": who, "whom": whom},
        f"Groups of {whom}: {roles}. Reason: {entry.details.get('reason', 'none given')}",
        "",
        f"When: {entry.recorded_at:%Y-%m-%d %H:%M} UTC. If you do not know why, ask {who}.",
        "Whoever unticks Active on the page of a login ends it.",
    ]
    return "\n".join(lines)


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
