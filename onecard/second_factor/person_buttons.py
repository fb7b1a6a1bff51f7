"""The buttons on a login's page: they invite a colleague, or remove a lost second factor. Administrators only."""

from functools import partial

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import display
from onecard.kit.confirmation_pages import (
    Confirmation,
    ReasonForm,
    SelectWidget,
    TextWidget,
    actor_of,
    ask_or_do,
    change_page,
    posted,
)
from onecard.second_factor import colleagues, devices
from onecard.second_factor.errors import SecondFactorError
from onecard.users.models import Invitation, User
from onecard.users.roles import ROLES


def _roles() -> list[tuple[str, str]]:
    return [(name, f"{role.title}: {role.words}") for name, role in ROLES.items()]


class RoleForm(forms.Form):
    """The role of somebody who has a login."""

    role = forms.ChoiceField(
        label=gettext_lazy("Role"),
        required=False,
        choices=lambda: [("", _("As it is")), *_roles()],
        widget=SelectWidget,
    )


class ColleagueForm(forms.Form):
    """A new member of staff."""

    first_name = forms.CharField(label=gettext_lazy("First name"), max_length=150, widget=TextWidget)
    last_name = forms.CharField(label=gettext_lazy("Last name"), max_length=150, widget=TextWidget)
    username = forms.CharField(
        label=gettext_lazy("User name"),
        max_length=150,
        widget=TextWidget({"autocapitalize": "none", "autocomplete": "off"}),
        validators=[User.username_validator],
    )
    email = forms.EmailField(label=gettext_lazy("E-mail address"), max_length=254, widget=TextWidget)
    role = forms.ChoiceField(
        label=gettext_lazy("Role"), choices=lambda: [("", _("Choose one")), *_roles()], widget=SelectWidget
    )


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
        needs_fresh_code=True,
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


def colleague(request: HttpRequest) -> HttpResponse:
    """Makes a login for a new member of staff, with a role, and mails the invitation; for administrators."""
    if not request.user.has_perm("users.assign_roles"):
        raise PermissionDenied
    confirmation = Confirmation(
        title=_("Invite a colleague"),
        words=_(
            "They get a link by mail, good once and for three days. On it they choose a password and set up a second "
            "factor; nobody else ever knows either. What each role may is on the page of its group."
        ),
        button=_("Send the invitation"),
        back=reverse("admin:users_user_changelist"),
        needs_fresh_code=True,
    )
    return ask_or_do(
        request,
        confirmation,
        ColleagueForm(posted(request)),
        partial(colleagues.invite_colleague, actor=actor_of(request)),
        done=partial(_show_invited, request),
        refusals=(SecondFactorError,),
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
        needs_fresh_code=True,
    )
    return ask_or_do(
        request,
        confirmation,
        RoleForm(posted(request)),
        partial(colleagues.invite_with_role, user=person, actor=actor_of(request)),
        done=partial(_show_invited, request),
        refusals=(SecondFactorError,),
        row=person,
    )


def _show_invited(request: HttpRequest, made: Invitation) -> None:
    until = display.moment(made.expires_at)
    messages.success(
        request,
        _("The invitation goes to %(email)s; it is good until %(until)s.") % {"email": made.user.email, "until": until},
    )


def _within_reach(request: HttpRequest, user_id: int) -> User:
    """Returns the login; raises PermissionDenied for whoever may not assign roles, or would touch a superuser."""
    if not request.user.has_perm("users.assign_roles"):
        raise PermissionDenied
    person = get_object_or_404(User, pk=user_id)
    if person.is_superuser and not request.user.is_superuser:
        raise PermissionDenied(_("Only a superuser changes the login of a superuser."))
    return person
