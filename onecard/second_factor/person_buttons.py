"""The buttons on a login's page: they invite a colleague, or remove a lost second factor. Administrators only."""

from functools import partial

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from onecard.kit import display
from onecard.kit.confirmation_pages import Confirmation, ReasonForm, actor_of, ask_or_do, change_page, posted
from onecard.second_factor import devices, invitations
from onecard.second_factor.errors import SecondFactorError
from onecard.users.models import Invitation, User


def remove(request: HttpRequest, user_id: int) -> HttpResponse:
    """Removes the second factor of a person who lost the device; for administrators."""
    person = _within_reach(request, user_id)
    confirmation = Confirmation(
        title=_("Remove the second factor of %(person)s") % {"person": person},
        words=_(
            "Make sure, by another way than e-mail, that it is they who ask. They are logged out, are told by mail, "
            "and need an invitation to log in again."
        ),
        button=_("Remove it"),
        back=change_page(person),
        danger=True,
    )
    return ask_or_do(
        request,
        confirmation,
        ReasonForm(posted(request)),
        partial(devices.remove, user=person, actor=actor_of(request)),
        done=_("%(person)s has no second factor any more. Send them an invitation now.") % {"person": person},
        refusals=(SecondFactorError,),
        row=person,
    )


def invite(request: HttpRequest, user_id: int) -> HttpResponse:
    """Mails an invitation, which also sets a new password; for administrators."""
    person = _within_reach(request, user_id)
    confirmation = Confirmation(
        title=_("Invite %(person)s") % {"person": person},
        words=_(
            "A link goes by mail to %(email)s, is good once and for three days. On it they choose "
            "their own password and set up a second factor. Whoever has a second factor already is "
            "asked for it."
        )
        % {"email": person.email or _("nobody yet")},
        button=_("Send the invitation"),
        back=change_page(person),
    )
    return ask_or_do(
        request,
        confirmation,
        forms.Form(posted(request)),
        partial(invitations.invite, user=person, actor=actor_of(request)),
        done=partial(_show_invited, request, person),
        refusals=(SecondFactorError,),
        row=person,
    )


def _show_invited(request: HttpRequest, person: User, made: Invitation) -> None:
    until = display.moment(made.expires_at)
    messages.success(
        request,
        _("The invitation goes to %(email)s; it is good until %(until)s.") % {"email": person.email, "until": until},
    )


def _within_reach(request: HttpRequest, user_id: int) -> User:
    """Returns the login; raises PermissionDenied for whoever may not assign roles, or would touch a superuser."""
    if not request.user.has_perm("users.assign_roles"):
        raise PermissionDenied
    person = get_object_or_404(User, pk=user_id)
    if person.is_superuser and not request.user.is_superuser:
        raise PermissionDenied(_("Only a superuser changes the login of a superuser."))
    return person
