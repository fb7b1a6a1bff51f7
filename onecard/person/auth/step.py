"""One step of joining or logging in: its form, and the API's operation that takes what was typed."""

from http import HTTPStatus
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from onecard.person.auth.operations import Said, ask
from onecard.person.page import BACK_OFFICE, Page
from onecard.users.models import User
from onecard.users.people import is_person

# What is still to do, in allauth's words, and the page where it is done.
STEPS: Final = {"mfa_authenticate": "person:login-code", "verify_email": "person:login-email"}
WANTED: Final = "person_wanted_page"
BEGIN_AGAIN: Final = "This step has ended. Log in again."


def code_field(label: str) -> forms.CharField:
    shown = forms.TextInput({"autocomplete": "one-time-code", "autofocus": True, "autocapitalize": "characters"})
    return forms.CharField(label=label, max_length=40, widget=shown)


class EmailField(forms.CharField):
    """An address by which a login is found; the operation checks what it is."""

    def __init__(self, **options: Any) -> None:
        shown = forms.EmailInput({"autocomplete": "username", "autofocus": True})
        super().__init__(**{"label": "E-mail", "max_length": 254, "widget": shown, **options})


class PasswordField(forms.CharField):
    """A password: `new` tells the browser's own keeper of passwords to offer one."""

    def __init__(self, *, new: bool = False, **options: Any) -> None:
        shown = forms.PasswordInput({"autocomplete": "new-password" if new else "current-password"})
        more = {"help_text": "At least 12 characters."} if new else {}
        super().__init__(**{"label": "Password", "widget": shown, "strip": False, **more, **options})


@method_decorator(sensitive_post_parameters(), name="dispatch")
class Step(Page):
    """A step of somebody who is not logged in yet; who is logged in is led to their first page."""

    operation: ClassVar[type[Any]]
    form_class: ClassVar[type[forms.Form]]
    title: ClassVar[str]
    words: ClassVar[str] = ""
    button: ClassVar[str] = "Continue"
    template: ClassVar[str] = "auth/step"

    def answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if isinstance(request.user, User):
            return redirect("person:home" if is_person(request.user) else BACK_OFFICE)
        return super().answer(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request, self.form_class())

    @sensitive_variables()
    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.form_class(request.POST)
        if not form.is_valid():
            return self.show(request, form)
        wanted = request.POST.get("next") or request.session.get(WANTED, "")
        said = ask(request, self.operation, given=form.cleaned_data)
        if said.is_done:
            return redirect(wanted if is_ours(wanted) else "person:home")
        if said.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.CONFLICT):
            request.session[WANTED] = wanted
            return self.lead_on(request, said)
        return self.refuse(request, form, said)

    def lead_on(self, request: HttpRequest, said: Said) -> HttpResponse:
        """Leads to the step that is under way, or to the beginning."""
        page = next((STEPS[each["id"]] for each in said.pending if each["id"] in STEPS), "")
        if not page:
            messages.error(request, BEGIN_AGAIN)
        return redirect(page or "person:login")

    def refuse(self, request: HttpRequest, form: forms.Form, said: Said) -> HttpResponse:
        return with_wait(self.show(request, with_errors(form, said), status=said.status), said)

    def show(self, request: HttpRequest, form: forms.Form, *, status: int = HTTPStatus.OK) -> HttpResponse:
        wanted = request.POST.get("next") or request.GET.get("next", "")
        shown = {"form": form, "title": self.title, "words": self.words, "button": self.button, "wanted": wanted}
        return self.render(request, self.template, status=status, **shown, **self.more(request))

    def more(self, request: HttpRequest) -> dict[str, Any]:
        """What this step's own template shows besides."""
        return {}


def with_errors(form: forms.Form, said: Said) -> forms.Form:
    """Puts the operation's sentences beside the fields that they are of."""
    for name, sentences in said.errors.items():
        for sentence in sentences:
            form.add_error(name if name in form.fields else None, sentence)
    return form


def with_wait(answer: HttpResponse, said: Said) -> HttpResponse:
    """Says when to ask again, where the operation does."""
    if said.retry_after:
        answer["Retry-After"] = said.retry_after
    return answer


def is_ours(page: str) -> bool:
    return page.startswith("/") and url_has_allowed_host_and_scheme(page, allowed_hosts=None)
