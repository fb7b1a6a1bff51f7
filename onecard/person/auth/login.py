"""Logging in and out: password, second factor, or a passkey alone."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.headless.constants import Client
from allauth.headless.internal.decorators import mark_request_as_headless
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from onecard.api.auth import views as api
from onecard.person.auth.operations import ask
from onecard.person.auth.passkeys import PasskeyStep
from onecard.person.auth.step import EmailField, PasswordField, Step, code_field
from onecard.person.page import Page
from onecard.users.models import User
from onecard.users.people import is_person


class EmailAndPassword(forms.Form):
    email = EmailField()
    password = PasswordField()


class LoginCodeForm(forms.Form):
    code = code_field("Code")


class LogIn(Step):
    operation = api.LogIn
    form_class = EmailAndPassword
    title = "Log in"
    button = "Log in"
    template = "auth/login"


class SecondFactor(Step):
    """The second step for who has an authenticator app or a passkey."""

    operation = api.LoginCode
    form_class = LoginCodeForm
    title = "Your second factor"
    words = "Type the six digits that your authenticator app shows, or one of your recovery codes."
    template = "auth/second_factor"

    def more(self, request: HttpRequest) -> dict[str, Any]:
        said = ask(request, api.Session, method="GET")
        kinds = [kind for each in said.pending for kind in each.get("types", [])]
        return {"has_passkey": "webauthn" in kinds}


class SecondFactorPasskey(PasskeyStep):
    """The second step with a passkey."""

    operation = api.LoginPasskey
    title = "Your second factor"
    instead = ("person:login-code", "Type a code instead")


class PasskeyAlone(PasskeyStep):
    """A login with nothing but a passkey."""

    operation = api.PasskeyAlone
    title = "Log in with a passkey"
    instead = ("person:login", "Log in with your password instead")


class LogOut(Page):
    """Ends this session; the trail has it."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("person:home")

    def post(self, request: HttpRequest) -> HttpResponse:
        if isinstance(request.user, User) and is_person(request.user):
            mark_request_as_headless(request, Client.BROWSER)
            get_adapter().logout(request)
            messages.success(request, "You are logged out.")
        return redirect("person:login")
