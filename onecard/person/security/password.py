"""Another password, by the present one."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from onecard.api.auth import views as api
from onecard.person.auth.step import PasswordField
from onecard.person.security.page import OperationPage


class PasswordForm(forms.Form):
    current_password = PasswordField(label="Present password")
    new_password = PasswordField(new=True, label="New password")


class ChangePassword(OperationPage):
    """Every session ends with it, so the person logs in with the new password."""

    operation = api.ChangePassword
    form_class = PasswordForm
    title = "Change your password"
    words = "You are logged out everywhere, and log in with the new password."
    button = "Change the password"
    done = "Your password is changed."

    def not_logged_in(self, request: HttpRequest) -> HttpResponse:
        messages.success(request, "Your password is changed. Log in with the new one.")
        return redirect("person:login")
