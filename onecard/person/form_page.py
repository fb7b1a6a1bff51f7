"""A page with one form: makes one domain call with what was typed, and shows a refusal beside its field."""

import math
import uuid
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from onecard.api.problems import status_of
from onecard.kit.errors import OneCardError
from onecard.kit.words import Words
from onecard.person.page import LoggedInPage
from onecard.users.models import User


class OnceForm(forms.Form):
    """Sent twice, by a second click or a reload, it has one effect: the page gives it a key."""

    request_key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def key_of(self, person: User) -> uuid.UUID:
        """Returns the key for the domain call; nobody reaches what another person asked for under the same one."""
        return uuid.uuid5(self.cleaned_data["request_key"], f"user:{person.pk}")


def to_choose(choices: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Returns the choices after an empty one: nothing is chosen for a person that has consequences."""
    return [("", "Choose one"), *choices]


class FormPage(LoggedInPage):
    """A form of the logged-in person. Put it before PersonPage where a profile is needed."""

    title: ClassVar[Words] = ""
    words: ClassVar[Words] = ""
    button: ClassVar[Words] = "Save"
    template: ClassVar[str] = "form"
    back: ClassVar[str] = "person:account"
    # A button that cannot be undone looks so.
    is_for_good: ClassVar[bool] = False

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> forms.Form:
        """Returns the form, bound to what was sent."""
        return OnceForm(data)

    def save(self, request: HttpRequest, form: Any) -> HttpResponse:
        """Makes the domain call and leads on; raises OneCardError when it is refused."""
        raise NotImplementedError

    def get(self, request: HttpRequest, **_which: Any) -> HttpResponse:
        return self.show(request, self.form(request))

    def post(self, request: HttpRequest, **_which: Any) -> HttpResponse:
        form = self.form(request, request.POST, request.FILES)
        if not form.is_valid():
            return self.show(request, form)
        try:
            return self.save(request, form)
        except OneCardError as error:
            return self.refuse(request, form, error)

    def refuse(self, request: HttpRequest, form: forms.Form, error: OneCardError) -> HttpResponse:
        """Shows the form again with the refusal, and when to ask again where that is known."""
        answer = self.show(request, with_refusal(form, error), status=status_of(type(error)))
        retry_after_s = getattr(error, "retry_after_s", None)
        if retry_after_s:
            answer["Retry-After"] = str(math.ceil(retry_after_s))
        return answer

    def show(self, request: HttpRequest, form: forms.Form, *, status: int = HTTPStatus.OK) -> HttpResponse:
        shown = {
            "form": form, "title": self.title, "words": self.words, "button": self.button,
            "is_for_good": self.is_for_good, "back_to": self.back_to(),
        }  # fmt: skip
        return self.render(request, self.template, status=status, **shown | self.more(request))

    def back_to(self) -> str:
        """Where the link back leads."""
        return reverse(self.back)

    def more(self, request: HttpRequest) -> dict[str, Any]:
        """What the page's own template shows besides; it may change the title, the words and the button."""
        return {}


def with_refusal(form: forms.Form, error: OneCardError) -> forms.Form:
    """Puts the sentences of a refusal beside their fields; those of no field of the form stand above it."""
    for name, sentence in _flat(getattr(error, "errors", None) or {"": error.message}):
        form.add_error(name if name in form.fields else None, sentence)
    return form


def _flat(errors: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Gives each sentence with its field, such as address_city."""
    for name, value in errors.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}_")
        else:
            for sentence in [value] if isinstance(value, str) else value:
                yield f"{before}{name}", str(sentence)
