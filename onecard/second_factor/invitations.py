"""Invitations: the only way to a first second factor, and to a password that nobody else knows.

An administrator invites; the person receives the link by mail. It works once and expires. The person chooses a password
and sets up an authenticator app.
"""

import datetime as dt
from typing import Final

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit import trail
from onecard.kit import clock
from onecard.kit.transactions import transaction
from onecard.second_factor import trust
from onecard.second_factor.errors import SecondFactorError
from onecard.users.models import Invitation, User

GOOD_FOR: Final = dt.timedelta(hours=72)
CLOSED: Final = gettext_lazy(
    "This invitation was used, was replaced by a newer one, or has expired. Ask an administrator for another."
)
_signer: Final = Signer(salt="onecard.staff.invitation")


def invite(*, user: User, actor: str, by_mail: bool = True) -> Invitation:
    """Replaces any earlier invitation with a new one and mails it; raises SecondFactorError.

    The caller checks permissions. `by_mail=False` is for the command, which prints the link.
    """
    with transaction():
        user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if not user.is_active or not (user.is_staff or user.is_superuser):
            raise SecondFactorError(
                gettext_lazy("Only active members of staff are invited. Tick “staff status” first.")
            )
        if by_mail and not user.email:
            raise SecondFactorError(
                _("This login has no e-mail address, and the invitation goes there. Enter one first.")
            )
        now = clock.now()
        user.invitations.filter(used_at=None, withdrawn_at=None).update(withdrawn_at=now)
        made = Invitation.objects.create(user=user, invited_by=actor, created_at=now, expires_at=now + GOOD_FOR)
        if by_mail:
            trust.note(user, "staff.invited", actor=actor, invitation=made.pk)
        else:
            trail.record(actor=actor, action="staff.invited", subject=user, invitation=made.pk)
    return made


def link(invitation: Invitation) -> str:
    """Returns the full address of the page that accepts the invitation."""
    return settings.PUBLIC_URL + reverse("staff-invitation", args=[_signer.sign(str(invitation.pk))])


def opened(text: str) -> Invitation:
    """Returns the invitation of a link that can still be used; raises SecondFactorError."""
    try:
        invitation = Invitation.objects.select_related("user").filter(pk=_signer.unsign(text)).first()
    except (BadSignature, ValueError):
        invitation = None
    if invitation is None or why_closed(invitation):
        raise SecondFactorError(CLOSED)
    return invitation


def why_closed(invitation: Invitation) -> str:
    """Returns why the invitation cannot be used, or ""."""
    user = invitation.user
    is_over = invitation.used_at or invitation.withdrawn_at or invitation.expires_at <= clock.now()
    return str(CLOSED) if is_over or not user.is_active or not (user.is_staff or user.is_superuser) else ""
