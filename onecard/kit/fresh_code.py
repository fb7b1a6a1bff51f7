"""Whether the member of staff entered their second factor a moment ago, and the way to the page that asks for it.

What moves money, shows card data or gives somebody power asks (`Confirmation.needs_fresh_code`). The page is the login
library's. It leads back to where it was asked for, and nothing happens by itself: the button is pressed there.
"""

import time
from typing import Any, Final

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.models import Authenticator
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode
from django.utils.translation import gettext as _

# A recovery code lets its owner log in without the phone, and no more.
COUNTS: Final = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
UNSENT: Final = "unsent_form"
# Longer forms are typed again: a session is no place for them.
LONGEST_UNSENT: Final = 20_000


def is_fresh(request: HttpRequest) -> bool:
    """Returns whether a code of the app, or a passkey, was entered in this session within `STAFF_FRESH_CODE_MIN`.

    That of the login counts. With DEBUG nothing is asked of a person without a second factor, as at the login.
    """
    since = time.time() - settings.STAFF_FRESH_CODE_MIN * 60
    records = get_authentication_records(request, request.user)
    if any(each.get("method") == "mfa" and each.get("type") in COUNTS and each["at"] > since for each in records):
        return True
    return bool(settings.DEBUG) and not _ways(request)


def ask(request: HttpRequest, form: forms.Form | None = None) -> HttpResponse:
    """Leads to the page that asks for a code, and from there back; what a POST brought is kept for the form, if given.

    Raises PermissionDenied for a person without a second factor.
    """
    ways = _ways(request)
    if not ways:
        raise PermissionDenied(_("Set up your second factor first: ask an administrator for an invitation."))
    page = request.get_full_path()
    if request.method == "POST":
        if form is not None:
            _keep(request, form, page)
        messages.warning(request, _("Nothing has been done yet: your last code was entered too long ago."))
    return redirect(f"{ways[0]['url']}?{urlencode({'next': page})}")


def fill_in(request: HttpRequest, form: forms.Form) -> None:
    """Puts what the person had typed before the code was asked for into the empty form of the same page, once."""
    kept = request.session.get(UNSENT)
    if form.is_bound or request.method != "GET" or not kept or kept["page"] != request.get_full_path():
        return
    del request.session[UNSENT]
    form.initial = {**form.initial, **kept["typed"]}
    messages.info(request, _("What you had filled in is here again. Look at it once more, then press the button."))


def _ways(request: HttpRequest) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get_adapter(request).get_reauthentication_methods(request.user)
    return found


def _keep(request: HttpRequest, form: forms.Form, page: str) -> None:
    """Keeps what a person types: nothing hidden, which the page works out anew, no secret, no file."""
    typed = {
        name: field.widget.value_from_datadict(form.data, form.files, form.add_prefix(name))
        for name, field in form.fields.items()
        if not field.widget.is_hidden and not isinstance(field.widget, (forms.FileInput, forms.PasswordInput))
    }
    plain = {name: value for name, value in typed.items() if isinstance(value, (str, bool, list))}
    request.session.pop(UNSENT, None)
    if plain and len(str(plain)) <= LONGEST_UNSENT:
        request.session[UNSENT] = {"page": page, "typed": plain}
