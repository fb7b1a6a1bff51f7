"""A forgotten password: a code goes to the mailbox, and with it a new password is set."""

from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from onecard.api.auth import views as api
from onecard.person.auth.operations import Said
from onecard.person.auth.step import EmailField, PasswordField, Step, code_field


class EmailForm(forms.Form):
    email = EmailField()


class NewPasswordForm(forms.Form):
    key = code_field("Code from the mail")
    password = PasswordField(new=True, label="New password")


class Forgotten(Step):
    """Looks the same whether or not there is a login with the address."""

    operation = api.RequestReset
    form_class = EmailForm
    title = "Forgotten password"
    words = "We mail a code to your address; with it you set a new password."
    button = "Mail me a code"
    template = "auth/forgotten"

    def lead_on(self, request: HttpRequest, said: Said) -> HttpResponse:
        return redirect("person:password-new")


class NewPassword(Step):
    """Ends every session of the person, so they log in with the new password."""

    operation = api.Reset
    form_class = NewPasswordForm
    title = "Set a new password"
    words = "If a login has this address, a code of eight letters is in its mailbox. It is good for 15 minutes."
    button = "Set the password"
    template = "auth/forgotten"

    def lead_on(self, request: HttpRequest, said: Said) -> HttpResponse:
        if said.status == HTTPStatus.UNAUTHORIZED:
            messages.success(request, "Your new password is set. Log in with it.")
            return redirect("person:login")
        messages.error(request, "This step has ended. Ask for another code.")
        return redirect("person:password-forgotten")
