"""Logging in and out in the browser. Each step asks the API's own operation (onecard/api/auth) and shows its answer."""

import json
from http import HTTPStatus
from typing import Any, ClassVar, Final

from allauth.account.adapter import get_adapter
from allauth.headless.constants import Client
from allauth.headless.internal.decorators import mark_request_as_headless
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from onecard.api.auth import views as api
from onecard.person.page import BACK_OFFICE, Page
from onecard.users.models import User
from onecard.users.people import is_person

# What is still to do, in allauth's words, and the page where it is done.
STEPS: Final = {"mfa_authenticate": "person:login-code", "verify_email": "person:login-email"}
WANTED: Final = "person_wanted_page"
BEGIN_AGAIN: Final = "This step has ended. Log in again."


class _Typed:
    """Reads a page's form in place of JSON."""

    def _parse_json(self, request: HttpRequest) -> dict[str, Any]:
        return {name: value for name, value in request.POST.items() if name != "csrfmiddlewaretoken"}


class _LogIn(_Typed, api.LogIn):
    pass


class _LoginCode(_Typed, api.LoginCode):
    pass


class _VerifyEmail(_Typed, api.VerifyEmail):
    pass


class EmailAndPassword(forms.Form):
    email = forms.CharField(label="E-mail", widget=forms.EmailInput({"autocomplete": "username", "autofocus": True}))
    password = forms.CharField(label="Password", widget=forms.PasswordInput({"autocomplete": "current-password"}))


class _OneCode(forms.Form):
    def __init__(self, data: Any, *, name: str, label: str) -> None:
        super().__init__(data)
        shown = forms.TextInput({"autocomplete": "one-time-code", "autofocus": True, "autocapitalize": "characters"})
        self.fields[name] = forms.CharField(label=label, max_length=40, widget=shown)


@method_decorator(sensitive_post_parameters(), name="dispatch")
class _Step(Page):
    """One step of a login: its form, and the API's operation that takes what was typed."""

    operation: ClassVar[type[Any]]
    title: ClassVar[str]
    words: ClassVar[str] = ""

    def form(self, data: Any = None) -> forms.Form:
        raise NotImplementedError

    def answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if isinstance(request.user, User):
            return redirect("person:home" if is_person(request.user) else BACK_OFFICE)
        return super().answer(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(request, self.form())

    @sensitive_variables()
    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.form(request.POST)
        if not form.is_valid():
            return self._show(request, form)
        wanted = request.POST.get("next") or request.session.get(WANTED, "")
        said = self.operation.as_api_view(client=Client.BROWSER)(request)
        if said.status_code == HTTPStatus.OK:
            return redirect(wanted if _is_ours(wanted) else "person:home")
        if said.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.CONFLICT):
            request.session[WANTED] = wanted
            return _next_step(request, json.loads(said.content))
        return self._refused(request, form, said)

    def _refused(self, request: HttpRequest, form: forms.Form, said: HttpResponse) -> HttpResponse:
        problem = json.loads(said.content)
        for name, sentences in (problem.get("errors") or {"": [problem["detail"]]}).items():
            for sentence in sentences:
                form.add_error(name if name in form.fields else None, sentence)
        answer = self._show(request, form, status=said.status_code)
        if "Retry-After" in said:
            answer["Retry-After"] = said["Retry-After"]
        return answer

    def _show(self, request: HttpRequest, form: forms.Form, *, status: int = HTTPStatus.OK) -> HttpResponse:
        wanted = request.POST.get("next") or request.GET.get("next", "")
        shown = {"form": form, "title": self.title, "words": self.words, "wanted": wanted}
        return self.render(request, "login", status=status, **shown)


class LogIn(_Step):
    operation = _LogIn
    title = "Log in"

    def form(self, data: Any = None) -> forms.Form:
        return EmailAndPassword(data)


class SecondFactor(_Step):
    """The second step for who has an authenticator app."""

    operation = _LoginCode
    title = "Your second factor"
    words = "Type the six digits that your authenticator app shows, or one of your recovery codes."

    def form(self, data: Any = None) -> forms.Form:
        return _OneCode(data, name="code", label="Code")


class EmailCode(_Step):
    """The step for who has not proved their address yet: the code was mailed when they logged in."""

    operation = _VerifyEmail
    title = "Prove your e-mail address"
    words = "We mailed you a code of eight letters. Type it here; it is good for 15 minutes."

    def form(self, data: Any = None) -> forms.Form:
        return _OneCode(data, name="key", label="Code from the mail")


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


def _next_step(request: HttpRequest, said: dict[str, Any]) -> HttpResponse:
    """Leads to the step that is under way, or to the beginning."""
    flows = said.get("data", {}).get("flows", [])
    pending = next((STEPS[each["id"]] for each in flows if each.get("is_pending") and each["id"] in STEPS), "")
    if not pending:
        messages.error(request, BEGIN_AGAIN)
    return redirect(pending or "person:login")


def _is_ours(page: str) -> bool:
    return page.startswith("/") and url_has_allowed_host_and_scheme(page, allowed_hosts=None)
