"""The login at a glance: its second factors, and where it is logged in; sessions can be ended."""

import datetime as dt
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from onecard.api.auth import views as api
from onecard.person.auth.operations import ask
from onecard.person.security.page import OperationPage, SecurityPage, data_of


class Security(SecurityPage):
    """What protects the login, and each session with its browser, address and beginning."""

    def get(self, request: HttpRequest) -> HttpResponse:
        factors = data_of(ask(request, api.Authenticators, method="GET"))
        sessions = data_of(ask(request, api.Sessions, method="GET"))
        return self.render(
            request,
            "security/overview",
            email=self.person.email,
            app=next((_timed(each) for each in factors if each["type"] == "totp"), None),
            codes=next((each for each in factors if each["type"] == "recovery_codes"), None),
            passkeys=[_timed(each) for each in factors if each["type"] == "webauthn"],
            sessions=[_timed(each) for each in sorted(sessions, key=lambda each: not each["is_current"])],
        )


class EndSession(OperationPage):
    """Ends one session; the button is on the list."""

    operation = api.Sessions
    method = "DELETE"
    title = "Log out there"
    words = "Whoever uses One Card there has to log in again."
    button = "Log out there"
    done = "That session has ended."

    def given(self, form: forms.Form, **which: Any) -> dict[str, Any]:
        return {"sessions": [which["session_id"]]}

    def not_logged_in(self, request: HttpRequest) -> HttpResponse:
        """This was the session itself."""
        return redirect("person:login")


class EndAllSessions(OperationPage):
    """Ends every session of the person, this one too."""

    operation = api.Sessions
    method = "DELETE"
    title = "Log out everywhere"
    words = "Every session ends, this one too: you log in again. Use it when a phone is lost, or a login looks foreign."
    button = "Log out everywhere"
    done = "You are logged out everywhere."

    def given(self, form: forms.Form, **which: Any) -> dict[str, Any]:
        return {"all": True}

    def not_logged_in(self, request: HttpRequest) -> HttpResponse:
        messages.success(request, self.done)
        return redirect("person:login")


def _timed(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its times as times; the operations give seconds."""
    times = {name: row[name] for name in ("created_at", "last_used_at") if row.get(name)}
    return row | {name: dt.datetime.fromtimestamp(seconds, dt.UTC) for name, seconds in times.items()}
