"""An authenticator app and recovery codes: set up, seen once, made anew, removed."""

from http import HTTPStatus
from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.totp.internal.auth import get_totp_secret
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables

from onecard.api.auth import views as api
from onecard.person.auth.operations import ask
from onecard.person.auth.step import code_field
from onecard.person.security.page import OperationPage, SecurityPage, again
from onecard.second_factor import qr


class FirstCodeForm(forms.Form):
    code = code_field("The six digits that the app shows now")


class SetUpApp(OperationPage):
    """Shows the key of a new app as a picture and in letters, and takes its first code."""

    operation = api.Totp
    needs_fresh = True
    form_class = FirstCodeForm
    title = "Set up an authenticator app"
    button = "Finish"
    done = "Your authenticator app is set up: from now on you need its code to log in."
    template = "security/app"

    @sensitive_variables()
    def get(self, request: HttpRequest, **which: Any) -> HttpResponse:
        said = ask(request, api.Totp, method="GET")
        if said.is_done:
            messages.info(request, "You have an authenticator app. Remove it first, to set up another one.")
            return redirect("person:security")
        return self.show(request, FirstCodeForm())

    @sensitive_variables()
    def post(self, request: HttpRequest, **which: Any) -> HttpResponse:
        answer = super().post(request)
        return redirect("person:security-codes") if answer.get("Location") == reverse("person:security") else answer

    @sensitive_variables()
    def more(self, request: HttpRequest) -> dict[str, Any]:
        """The key that this session was given, so that a typing error needs no new scan."""
        key = get_totp_secret(regenerate=False)
        url = get_adapter().build_totp_url(self.person, key)
        groups = " ".join(key[place : place + 4] for place in range(0, len(key), 4))
        return {"key": groups, "qr": qr.drawn(url)}


class RemoveApp(OperationPage):
    """Logs in without a code from then on, unless there is a passkey."""

    operation = api.Totp
    method = "DELETE"
    needs_fresh = True
    title = "Remove the authenticator app"
    words = "Without a second factor, whoever knows your password can log in. Remove it only to set up another one."
    button = "Remove it"
    done = "The authenticator app is removed."


class RecoveryCodes(SecurityPage):
    """The codes for who has no phone at hand: shown once, and made anew by a button."""

    needs_fresh = True

    @sensitive_variables()
    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(request, "GET")

    @sensitive_variables()
    def post(self, request: HttpRequest) -> HttpResponse:
        return self._show(request, "POST")

    @sensitive_variables()
    def _show(self, request: HttpRequest, method: str) -> HttpResponse:
        said = ask(request, api.RecoveryCodes, method=method)
        if said.status == HTTPStatus.UNAUTHORIZED:
            return again(request)
        if not said.is_done:
            messages.error(request, "Recovery codes need an authenticator app or a passkey first.")
            return redirect("person:security")
        return self.render(request, "security/codes", codes=said.data.get("unused_codes"), left=said.data)
