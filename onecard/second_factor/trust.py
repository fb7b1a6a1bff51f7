"""Whether a member of staff may reveal card numbers and agree as the second person.

They may after the waiting time that follows each enrolment of a second factor. A change that could put another person
in their place (another e-mail address or name, a removed second factor) suspends them until they enrol again and have
waited again. So somebody notices before an attacker can use a stolen login.
"""

import datetime as dt
from typing import Final

from django.conf import settings
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from audit import trail
from audit.models import Entry
from onecard.kit import clock, display
from onecard.kit.transactions import transaction
from onecard.outbox import services as outbox
from onecard.second_factor import login_notices
from onecard.users.models import User

RENEW_FIRST: Final = gettext_lazy(
    "Your login was changed, or you have not set up a second factor by invitation yet. Set it up again under "
    "“My second factor”, or ask an administrator for an invitation; after a waiting time you may do this."
)


def why_not_trusted(user: User) -> str:
    """Returns why the person may not reveal or agree now, or ""."""
    begins = User.objects.filter(pk=user.pk, is_active=True).values_list("trusted_from", flat=True).first()
    if begins is None:
        return str(RENEW_FIRST)
    if begins > clock.now():
        return _("Your second factor is new: you may do this from %(when)s on.") % {"when": display.moment(begins)}
    return ""


def is_one_person(first: User, second: User) -> bool:
    """Returns whether two logins belong to one person: the same login, or the same mailbox."""
    mailboxes = {first.email.strip().casefold(), second.email.strip().casefold()}
    return first.pk == second.pk or (len(mailboxes) == 1 and mailboxes != {""})


def suspend(user: User, *, actor: str, because: str, earlier_email: str = "") -> None:
    """Ends the person's sessions and their right to reveal and agree, in the caller's transaction.

    It also ends an open invitation, which is in the mailbox of the earlier address.
    """
    User.objects.filter(pk=user.pk).update(trusted_from=None, session_version=F("session_version") + 1)
    user.refresh_from_db(fields=["trusted_from", "session_version"])
    user.invitations.filter(used_at=None, withdrawn_at=None).update(withdrawn_at=clock.now())
    note(
        user,
        "staff.suspended",
        actor=actor,
        because=because,
        **({"earlier_email": earlier_email} if earlier_email else {}),
    )


def begin_to_trust(user: User) -> dt.datetime:
    """Ends other sessions and begins the waiting time after an enrolment, in the caller's transaction."""
    begins = clock.now() + dt.timedelta(hours=settings.SECOND_FACTOR_WAIT_H)
    User.objects.filter(pk=user.pk).update(trusted_from=begins, session_version=F("session_version") + 1)
    user.refresh_from_db(fields=["trusted_from", "session_version"])
    return begins


@sensitive_variables("password")
def set_password(user: User, password: str, *, action: str = "staff.password_changed") -> None:
    """Sets a person's own new password and ends their other sessions; recorded in the trail and mailed."""
    user.set_password(password)
    with transaction():
        user.save(update_fields=["password"])
        note(user, action)


def note(user: User, action: str, *, actor: str = "", **details: object) -> Entry:
    """Adds an audit entry about a person and mails it to them (letters.py), in the caller's transaction.

    A detail `earlier_email` is an address that receives the mail as well.
    """
    entry = trail.record(actor=actor or f"user:{user.pk}", action=action, subject=user, **details)
    outbox.put(topic="staff.notify", entry_id=entry.pk)
    login_notices.noted(user, entry)
    return entry
