"""The buttons on a person's page: they invite a person, or remove a lost second factor. Superusers only."""

from functools import partial

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from onecard.kit.confirmation_pages import Confirmation, ReasonForm, actor_of, ask_or_do, change_page, posted
from onecard.second_factor import devices, invitations
from onecard.second_factor.errors import SecondFactorError
from onecard.users.models import Invitation, User


def remove(request: HttpRequest, user_id: int) -> HttpResponse:
    """Removes the second factor of a person who lost the device; superusers only."""
    _superusers_only(request)
    person = get_object_or_404(User, pk=user_id)
    confirmation = Confirmation(
        title=f"Remove the second factor of {person}",
        words="Make sure, by another way than e-mail, that it is they who ask. They are logged out, are told by mail, "
        "and need an invitation to log in again.",
        button="Remove it",
        back=change_page(person),
        danger=True,
    )
    return ask_or_do(
        request,
        confirmation,
        ReasonForm(posted(request)),
        partial(devices.remove, user=person, actor=actor_of(request)),
        done=f"{person} has no second factor any more. Send them an invitation now.",
        refusals=(SecondFactorError,),
        row=person,
    )


def invite(request: HttpRequest, user_id: int) -> HttpResponse:
    """Mails an invitation, which also sets a new password; superusers only."""
    _superusers_only(request)
    person = get_object_or_404(User, pk=user_id)
    confirmation = Confirmation(
        title=f"Invite {person}",
        words=f"A link goes by mail to {person.email or 'nobody yet'}, is good once and for three days. On it they "
        "choose their own password and set up a second factor. Whoever has a second factor already is asked for it.",
        button="Send the invitation",
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
    until = f"{made.expires_at:%Y-%m-%d %H:%M} UTC"
    messages.success(request, f"The invitation goes to {person.email}; it is good until {until}.")


def _superusers_only(request: HttpRequest) -> None:
    if not isinstance(request.user, User) or not request.user.is_superuser:
        raise PermissionDenied
