"""The base of the pages with which a person protects their login."""

from http import HTTPStatus
from typing import Any, ClassVar

from allauth.account.internal.flows.reauthentication import is_reauthentication_required
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from onecard.person.auth.operations import Said, ask
from onecard.person.auth.step import with_errors, with_wait
from onecard.person.page import LoggedInPage


@method_decorator(sensitive_post_parameters(), name="dispatch")
class SecurityPage(LoggedInPage):
    """A page about the person's login. `needs_fresh`: they have shown who they are within some minutes."""

    menu = "account"
    needs_fresh: ClassVar[bool] = False

    def answer_person(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if self.needs_fresh and is_reauthentication_required(request, app="allauth.mfa"):
            return again(request)
        return super().answer_person(request, *args, **kwargs)


class OperationPage(SecurityPage):
    """A page with one form, or with nothing but a button, that asks one operation of the API."""

    operation: ClassVar[type[Any]]
    method: ClassVar[str] = "POST"
    form_class: ClassVar[type[forms.Form]] = forms.Form
    title: ClassVar[str]
    words: ClassVar[str] = ""
    button: ClassVar[str] = "Continue"
    done: ClassVar[str]
    template: ClassVar[str] = "form"

    def get(self, request: HttpRequest, **which: Any) -> HttpResponse:
        return self.show(request, self.form_class())

    @sensitive_variables()
    def post(self, request: HttpRequest, **which: Any) -> HttpResponse:
        form = self.form_class(request.POST)
        if not form.is_valid():
            return self.show(request, form)
        said = ask(request, self.operation, method=self.method, given=self.given(form, **which))
        if said.is_done:
            messages.success(request, self.done)
            return redirect("person:security")
        if said.status == HTTPStatus.UNAUTHORIZED:
            return self.not_logged_in(request)
        return with_wait(self.show(request, with_errors(form, said), status=said.status), said)

    def given(self, form: forms.Form, **which: Any) -> dict[str, Any]:
        """What the operation gets."""
        return form.cleaned_data

    def not_logged_in(self, request: HttpRequest) -> HttpResponse:
        """Asks who it is once more, and leads back."""
        return again(request)

    def show(self, request: HttpRequest, form: forms.Form, *, status: int = HTTPStatus.OK) -> HttpResponse:
        shown = {"form": form, "title": self.title, "words": self.words, "button": self.button}
        return self.render(request, self.template, status=status, back="person:security", **shown, **self.more(request))

    def more(self, request: HttpRequest) -> dict[str, Any]:
        """What the page's own template shows besides."""
        return {}


def again(request: HttpRequest) -> HttpResponse:
    """Leads to the page that asks once more who it is, and from there back."""
    return redirect(f"{reverse('person:login-again')}?{urlencode({'next': request.path})}")


def data_of(said: Said) -> list[dict[str, Any]]:
    """Returns what an operation listed, and nothing where it refused."""
    return list(said.data) if said.is_done else []
