"""Signing up: an address and a password, then the code that was mailed there."""

from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from onecard.api.auth import views as api
from onecard.person.auth.operations import Said, ask
from onecard.person.auth.step import EmailField, PasswordField, Step, code_field
from onecard.person.page import Page


class SignUpForm(forms.Form):
    email = EmailField()
    password = PasswordField(new=True)


class EmailCodeForm(forms.Form):
    key = code_field("Code from the mail")


class SignUp(Step):
    """An address that has a login already looks the same here, and gets a mail that says so."""

    operation = api.SignUp
    form_class = SignUpForm
    title = "Sign up"
    words = "We mail a code to your address; with it you prove that it is yours."
    button = "Sign up"
    template = "auth/sign_up"

    def lead_on(self, request: HttpRequest, said: Said) -> HttpResponse:
        """Always to the code: where none is mailed, since too many were, must look the same."""
        return redirect("person:login-email")


class EmailCode(Step):
    """The step for who has not proved their address yet: the code was mailed when they signed up or logged in."""

    operation = api.VerifyEmail
    form_class = EmailCodeForm
    title = "Prove your e-mail address"
    words = "We mailed you a code of eight letters. Type it here; it is good for 15 minutes."
    template = "auth/email_code"


class AnotherCode(Page):
    """Mails another code for the step that is under way."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("person:login-email")

    def post(self, request: HttpRequest) -> HttpResponse:
        said = ask(request, api.ResendCode)
        if said.is_done:
            messages.success(request, "We mailed you another code. The earlier one is not good any more.")
        elif said.status == HTTPStatus.CONFLICT:
            messages.error(request, "No more codes can be mailed for this attempt. Begin again, by logging in.")
        else:
            messages.error(request, "A code was mailed a moment ago. Wait ten seconds, then ask for another one.")
        return redirect("person:login-email")
