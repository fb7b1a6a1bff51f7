"""Passkeys of one's own: added with the browser's dialog, and removed."""

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
from onecard.person.security.page import OperationPage, again


class NewPasskeyForm(CredentialForm):
    name = forms.CharField(label="Name of this passkey", max_length=100, help_text="Such as: my phone.")
    field_order = ("name", "credential")


class AddPasskey(OperationPage):
    """A key in a phone, a computer or a stick, which works on no page that imitates ours."""

    operation = api.Passkeys
    needs_fresh = True
    runs_script = True
    title = "Add a passkey"
    words = "A passkey is kept in your phone, computer or key. You log in with it by your face, finger or its PIN."
    button = "Add it"
    template = "auth/passkey"

    def get(self, request: HttpRequest, **which: Any) -> HttpResponse:
        said = ask(request, api.Passkeys, method="GET", query="passwordless")
        if said.status == HTTPStatus.UNAUTHORIZED:
            return again(request)
        if not said.is_done:
            messages.error(request, "No passkey can be added to this login now.")
            return redirect("person:security")
        self.asked = options_of(said)
        return self.show(request, NewPasskeyForm())

    @sensitive_variables()
    def post(self, request: HttpRequest, **which: Any) -> HttpResponse:
        form = NewPasskeyForm(request.POST)
        said = ask(request, api.Passkeys, given=form.cleaned_data) if form.is_valid() else None
        if said is not None and said.status == HTTPStatus.UNAUTHORIZED:
            return again(request)
        if said is None or not said.is_done:
            messages.error(request, "The passkey was not added: its answer was not readable. Try again.")
            return redirect("person:security-passkey-add")
        messages.success(request, "The passkey is added.")
        is_first = said.content.get("meta", {}).get("recovery_codes_generated")
        return redirect("person:security-codes" if is_first else "person:security")

    def more(self, request: HttpRequest) -> dict[str, Any]:
        instead = {"instead": "person:security", "instead_words": "Back to your login"}
        return {"passkey": "create", "options": self.asked, **instead}


class RemovePasskey(OperationPage):
    """The key stays in the device, and opens nothing here any more."""

    operation = api.Passkeys
    method = "DELETE"
    needs_fresh = True
    title = "Remove the passkey"
    words = "It opens your login no more. Delete it on the device as well."
    button = "Remove it"
    done = "The passkey is removed."

    def given(self, form: forms.Form, **which: Any) -> dict[str, Any]:
        return {"authenticators": [which["passkey_id"]]}
