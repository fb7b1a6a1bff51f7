"""Asks once more who it is, before something that an open session alone must not do."""

from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_variables

from onecard.api.auth import views as api
from onecard.person.auth.operations import ask
from onecard.person.auth.passkeys import CredentialForm, options_of
from onecard.person.auth.step import PasswordField, code_field, is_ours, with_errors, with_wait
from onecard.person.security.page import SecurityPage, data_of
from onecard.second_factor import devices

TITLE = "Is it you?"


class FreshPasswordForm(forms.Form):
    password = PasswordField()


class FreshCodeForm(forms.Form):
    code = code_field("Code of your authenticator app, or a recovery code")


class Again(SecurityPage):
    """Asks for a code of who has a second factor, otherwise for the password."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(request, _form_of(request)(), wanted=request.GET.get("next", ""))

    @sensitive_variables()
    def post(self, request: HttpRequest) -> HttpResponse:
        form, wanted = _form_of(request)(request.POST), request.POST.get("next", "")
        if not form.is_valid():
            return self._show(request, form, wanted=wanted)
        operation = api.FreshCode if isinstance(form, FreshCodeForm) else api.Reauthenticate
        said = ask(request, operation, given=form.cleaned_data)
        if said.is_done:
            return redirect(wanted if is_ours(wanted) else "person:security")
        shown = self._show(request, with_errors(form, said), wanted=wanted, status=said.status)
        return with_wait(shown, said)

    def _show(
        self, request: HttpRequest, form: forms.Form, *, wanted: str, status: int = HTTPStatus.OK
    ) -> HttpResponse:
        kinds = {each["type"] for each in data_of(ask(request, api.Authenticators, method="GET"))}
        words = "This changes your login, so we ask once more. The answer holds for five minutes."
        shown = {"form": form, "title": TITLE, "words": words, "button": "Continue", "wanted": wanted}
        return self.render(request, "security/again", status=status, has_passkey="webauthn" in kinds, **shown)


class AgainByPasskey(SecurityPage):
    """The same by a passkey."""

    runs_script = True

    def get(self, request: HttpRequest) -> HttpResponse:
        said = ask(request, api.FreshPasskey, method="GET")
        if not said.is_done:
            return redirect("person:security")
        shown: dict[str, Any] = {"form": CredentialForm(), "passkey": "get", "options": options_of(said)}
        shown |= {"title": TITLE, "button": "Use a passkey", "wanted": request.GET.get("next", "")}
        shown |= {"instead": "person:login-again", "instead_words": "Type a code instead"}
        return self.render(request, "auth/passkey", **shown)

    @sensitive_variables()
    def post(self, request: HttpRequest) -> HttpResponse:
        form, wanted = CredentialForm(request.POST), request.POST.get("next", "")
        if form.is_valid() and ask(request, api.FreshPasskey, given=form.cleaned_data).is_done:
            return redirect(wanted if is_ours(wanted) else "person:security")
        messages.error(request, "This passkey was not accepted. Try again, or type a code.")
        return redirect(request.path)


def _form_of(request: HttpRequest) -> type[forms.Form]:
    """A password alone must not remove a second factor (onecard/api/auth/inputs.py)."""
    return FreshCodeForm if devices.has_any(request.user) else FreshPasswordForm  # type: ignore[arg-type]
