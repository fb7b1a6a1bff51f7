"""The pages on which staff accept an invitation or replace their second factor, and those around a login."""

import time
from typing import Any, Final

from allauth.account import views as account
from allauth.account.adapter import get_adapter
from allauth.mfa.adapter import get_adapter as get_mfa_adapter
from allauth.mfa.totp.internal.auth import generate_totp_secret
from django import forms
from django.conf import settings
from django.contrib import admin, auth
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from onecard.kit.confirmation_pages import CodeField, PasswordWidget, posted
from onecard.kit.crypto import SealError
from onecard.kit.transactions import transaction
from onecard.second_factor import devices, invitations, qr, seeds
from onecard.second_factor.errors import SecondFactorError
from onecard.users.models import User

# The page shows the key this long; typing it by hand takes a minute.
SHOWN_FOR_S: Final = 300
# Time to open the app and type; afterwards nobody else can use what was begun.
BEGUN_FOR_S: Final = 900
PENDING: Final = "second_factor_begun"
TOO_LATE: Final = gettext_lazy("Nothing was begun within the last 15 minutes; scan the new key below and try again.")


class OldCodeField(CodeField):
    """A code of the device that is replaced, or a recovery code."""

    def __init__(self) -> None:
        super().__init__(label=gettext_lazy("Code of the device you have now, or a recovery code"), required=True)


class EnrolForm(forms.Form):
    """The first code of the new device, and the old device's code where there is one."""

    old_code = OldCodeField()
    code = CodeField(label=gettext_lazy("The six digits that the app shows now"))

    def __init__(self, data: Any, user: User) -> None:
        super().__init__(data)
        self.user = user
        if not devices.has_device(user):
            del self.fields["old_code"]


class RenewForm(EnrolForm):
    """Adds the present password."""

    password = forms.CharField(
        label=gettext_lazy("Your password"), widget=PasswordWidget({"autocomplete": "current-password"}), strip=False
    )
    field_order = ("password", "old_code", "code")


class InvitationForm(EnrolForm):
    """Adds a password that the person chooses."""

    password = forms.CharField(
        label=gettext_lazy("A new password, at least 12 characters"),
        widget=PasswordWidget({"autocomplete": "new-password"}),
        strip=False,
    )
    again = forms.CharField(
        label=gettext_lazy("The same password again"),
        widget=PasswordWidget({"autocomplete": "new-password"}),
        strip=False,
    )
    field_order = ("password", "again", "old_code", "code")

    @sensitive_variables()
    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        password, again = cleaned.get("password"), cleaned.pop("again", None)
        if password and password != again:
            self.add_error("again", _("This is not the same password."))
        elif password:
            try:
                validate_password(password, self.user)
            except ValidationError as error:
                self.add_error("password", error)
        return cleaned


@never_cache
@sensitive_post_parameters()
@sensitive_variables()
def invitation(request: HttpRequest, text: str) -> HttpResponse:
    """Accepts an invitation: the person chooses a password and sets up an authenticator app."""
    try:
        invited = invitations.opened(text)
    except SecondFactorError as error:
        return _simple(request, _("An invitation"), error.message, status=410)
    user = invited.user
    form = InvitationForm(posted(request), user)
    if form.is_valid():
        try:
            codes = devices.enrol(user=user, seed=_begun_seed(request, user), invitation=invited, **form.cleaned_data)
        except SecondFactorError as error:
            form.add_error(None, error.message)
        else:
            return _enrolled(request, codes)
    title = _("Set up your login, %(name)s") % {"name": user.get_full_name() or user.get_username()}
    words = _("Your user name is %(user)s. Choose a password and add One Card to an authenticator app.") % {
        "user": user.get_username()
    }
    return _with_key(request, user, form, title=title, words=words)


@never_cache
@sensitive_post_parameters()
@sensitive_variables()
def renew(request: HttpRequest) -> HttpResponse:
    """Replaces one's own second factor, with the password and a code of the old one."""
    user = _staff(request)
    if not devices.has_device(user) and not _is_first_by_itself():
        raise PermissionDenied(_("The first second factor is set up by invitation."))
    form = RenewForm(posted(request), user)
    if form.is_valid():
        try:
            values = dict(form.cleaned_data)
            _check_password(user, values.pop("password"))
            codes = devices.enrol(user=user, seed=_begun_seed(request, user), **values)
        except SecondFactorError as error:
            form.add_error(None, error.message)
        else:
            return _enrolled(request, codes)
    words = _(
        "The new device replaces the one you have. You are logged out everywhere, and you may reveal card numbers "
        "only after a waiting time."
    )
    return _with_key(
        request,
        user,
        form,
        title=_("Replace my second factor"),
        words=words,
    )


def login(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """Redirects the admin's login to the one login page."""
    if request.user.is_authenticated and not admin.site.has_permission(request):
        raise PermissionDenied(_("This login is not staff's."))
    wanted = request.GET.get("next", "")
    return HttpResponseRedirect(reverse("account_login") + (f"?{urlencode({'next': wanted})}" if wanted else ""))


def logout(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """Redirects the admin's logout to the login's own page, which records it."""
    answer: HttpResponse = account.logout(request)
    return answer


def change_password(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    return HttpResponseRedirect(reverse("account_change_password"))


def no_first_password(request: HttpRequest) -> HttpResponse:
    """Refuses a first password: a session must not give itself one. allauth redirects here."""
    return _simple(
        request, _("Your password"), _("You have no password. Ask an administrator for an invitation."), status=403
    )


def back_office_theme(request: HttpRequest) -> dict[str, Any]:
    """Returns what Unfold's templates, and our texts, need on login pages outside the admin."""
    match = request.resolver_match
    name = match.url_name if match else ""
    if not name or not str(name).startswith(("account_", "mfa_", "staff-")):
        return {}
    return {**admin.site.each_context(request), "fresh_code_min": settings.STAFF_FRESH_CODE_MIN}


@sensitive_variables()
def _begun_seed(request: HttpRequest, user: User) -> str:
    """Returns the seed that this browser was shown for this person; raises SecondFactorError."""
    begun = request.session.get(PENDING) or {}
    if time.time() - float(begun.get("at", 0)) > BEGUN_FOR_S:
        raise SecondFactorError(TOO_LATE)
    try:
        with seeds.seeds_of(user):
            return str(seeds.open_seed(str(begun.get("seed", ""))))
    except SealError:
        raise SecondFactorError(TOO_LATE) from None


@sensitive_variables()
def _seed_to_show(request: HttpRequest, user: User) -> str:
    """Returns the seed already shown, so that a typing error needs no new scan; otherwise a new one."""
    try:
        return _begun_seed(request, user)
    except SecondFactorError:
        seed = str(generate_totp_secret())
        with seeds.seeds_of(user):
            request.session[PENDING] = {"seed": seeds.seal_seed(seed), "at": time.time()}
        return seed


@sensitive_variables()
def _with_key(request: HttpRequest, user: User, form: forms.Form, *, title: str, words: str) -> HttpResponse:
    seed = _seed_to_show(request, user)
    groups = " ".join(seed[place : place + 4] for place in range(0, len(seed), 4))
    more: dict[str, Any] = {
        "key": groups,
        "qr": qr.drawn(get_mfa_adapter().build_totp_url(user, seed)),
        "seconds": SHOWN_FOR_S,
    }
    return _simple(request, title, words, form=form, template="second_factor/set_up.html", **more)


@sensitive_variables()
def _enrolled(request: HttpRequest, codes: list[str]) -> HttpResponse:
    """Shows the recovery codes once; the person then logs in with the new device."""
    auth.logout(request)
    words = _(
        "Your second factor is set up. Keep these recovery codes where only you find them: each lets you in once "
        "when you have no phone. They are shown this once."
    )
    return _simple(
        request,
        _("Keep your recovery codes"),
        words,
        template="second_factor/codes.html",
        codes=codes,
        seconds=SHOWN_FOR_S,
    )


def _simple(request: HttpRequest, title: str, words: str, *, status: int = 200, **more: Any) -> HttpResponse:
    template = more.pop("template", "second_factor/words.html")
    context = {**admin.site.each_context(request), "title": title, "words": words, **more}
    answer = TemplateResponse(request, template, context, status=status)
    answer["Cache-Control"] = "no-store"
    return answer.render()


@sensitive_variables()
def _check_password(user: User, password: str) -> None:
    """Checks a password; allauth counts wrong ones before hashing. Raises SecondFactorError."""
    try:
        is_right = get_adapter().reauthenticate(user, password)
    except ValidationError as error:
        raise SecondFactorError(" ".join(error.messages)) from None
    if not is_right:
        with transaction():
            devices.refused(User.objects.get(pk=user.pk), "password", "")
        raise SecondFactorError(_("This is not your password."))


def _is_first_by_itself() -> bool:
    """Returns whether this is a developer's machine, where a first second factor needs no invitation."""
    return bool(settings.DEBUG)


def _staff(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user
