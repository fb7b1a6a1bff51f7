"""A small page that asks before something is done: what will happen, a few fields, one button and a way back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse

from onecard.kit.reasons import LONGEST_REASON

View = TypeVar("View", bound=Callable[..., Any])

if TYPE_CHECKING:
    # Unfold has no types; its widgets are Django's with other classes.
    from django.forms import PasswordInput as PasswordWidget
    from django.forms import Select as SelectWidget
    from django.forms import Textarea as AreaWidget
    from django.forms import TextInput as TextWidget

    def page_action(**_options: Any) -> Callable[[View], View]:
        """A button on top of a page of the admin that leads to a page of its own."""

else:
    from unfold.decorators import action as page_action
    from unfold.widgets import UnfoldAdminPasswordWidget as PasswordWidget
    from unfold.widgets import UnfoldAdminSelectWidget as SelectWidget
    from unfold.widgets import UnfoldAdminTextareaWidget as AreaWidget
    from unfold.widgets import UnfoldAdminTextInputWidget as TextWidget

__all__ = [
    "Act",
    "AreaWidget",
    "CodeField",
    "PasswordWidget",
    "ReasonForm",
    "SelectWidget",
    "TextWidget",
    "ask",
    "page_action",
]


class _OneTimeWidget(TextWidget):
    """A code is never written back into a page: typed again is typed fresh."""

    def format_value(self, value: Any) -> None:
        return None


class CodeField(forms.CharField):
    """Six digits of an authenticator app."""

    def __init__(self, **options: Any) -> None:
        widget = _OneTimeWidget({"inputmode": "numeric", "autocomplete": "one-time-code", "spellcheck": "false"})
        super().__init__(**{"max_length": 12, "widget": widget, **options})


class ReasonForm(forms.Form):
    """Why; whoever looks later reads it in the trail."""

    reason = forms.CharField(max_length=LONGEST_REASON, widget=AreaWidget({"rows": 3}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What the page says; `danger` paints the button red, `back` is where the way back leads."""

    title: str
    words: str
    button: str
    back: str
    danger: bool = False
    # Where the form is sent, if not to the page itself.
    target: str = ""


def ask(request: HttpRequest, act: Act, form: forms.Form, *, template: str = "admin/act.html") -> TemplateResponse:
    """The page; after a refused POST with what was wrong. It is never kept by a cache."""
    context = {**admin.site.each_context(request), "title": act.title, "act": act, "form": form}
    answer = TemplateResponse(request, template, context)
    answer["Cache-Control"] = "no-store"
    return answer
