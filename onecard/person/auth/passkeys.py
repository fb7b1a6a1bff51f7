"""Passkeys on a page: the browser's own dialog answers what the page asks (static/onecard/passkey.js).

The form has what to ask and comes back with the answer. Without script the page says what to do in its place.
"""

import json
from http import HTTPStatus
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_variables

from onecard.person.auth.operations import Said, ask
from onecard.person.auth.step import Step


class CredentialForm(forms.Form):
    """What the browser's dialog answered, as JSON."""

    credential = forms.CharField(widget=forms.HiddenInput, max_length=20_000)


class PasskeyStep(Step):
    """A step that a passkey takes. `instead` is the page without one, and the words of its link."""

    runs_script = True
    form_class = CredentialForm
    template = "auth/passkey"
    button = "Use a passkey"
    instead: ClassVar[tuple[str, str]]

    def get(self, request: HttpRequest) -> HttpResponse:
        asked = ask(request, self.operation, method="GET")
        if not asked.is_done:
            return self.lead_on(request, asked)
        return self._show_asked(request, asked, CredentialForm())

    @sensitive_variables()
    def refuse(self, request: HttpRequest, form: forms.Form, said: Said) -> HttpResponse:
        """Asks anew, since each question is good for one answer."""
        if said.status == HTTPStatus.TOO_MANY_REQUESTS:
            return super().refuse(request, form, said)
        messages.error(request, " ".join(sentence for each in said.errors.values() for sentence in each))
        return redirect(request.path)

    def _show_asked(self, request: HttpRequest, asked: Said, form: forms.Form) -> HttpResponse:
        request.passkey_options = options_of(asked)  # type: ignore[attr-defined]
        return self.show(request, form)

    def more(self, request: HttpRequest) -> dict[str, Any]:
        page, words = self.instead
        return {
            "passkey": "get", "options": getattr(request, "passkey_options", ""), "instead": page,
            "instead_words": words,
        }  # fmt: skip


def options_of(asked: Said) -> str:
    """Returns what the browser is to ask of a passkey, as JSON for the form."""
    return json.dumps(asked.data.get("request_options") or asked.data.get("creation_options"))
