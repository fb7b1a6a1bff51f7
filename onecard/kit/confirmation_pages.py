"""A button's page asks before something is done: what will happen, the facts, a few fields, one button, a way back.

`ask_or_do` is the whole mechanism: it asks, makes the one domain call, and leads back with the result.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import translation
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from onecard.kit import fresh_code
from onecard.kit.errors import OneCardError
from onecard.kit.reasons import LONGEST_REASON

View = TypeVar("View", bound=Callable[..., Any])

if TYPE_CHECKING:
    # Unfold has no types; its widgets are Django's with other classes.
    from django.forms import PasswordInput as PasswordWidget
    from django.forms import Select as SelectWidget
    from django.forms import Textarea as AreaWidget
    from django.forms import TextInput as TextWidget
    from django_stubs_ext import StrOrPromise

    def page_action(**_options: Any) -> Callable[[View], View]:
        """Returns a button on top of a page of the admin that leads to a page of its own."""

else:
    from unfold.decorators import action as page_action
    from unfold.widgets import UnfoldAdminPasswordWidget as PasswordWidget
    from unfold.widgets import UnfoldAdminSelectWidget as SelectWidget
    from unfold.widgets import UnfoldAdminTextareaWidget as AreaWidget
    from unfold.widgets import UnfoldAdminTextInputWidget as TextWidget

__all__ = [
    "AreaWidget",
    "CodeField",
    "Confirmation",
    "FileWidget",
    "PasswordWidget",
    "ReasonForm",
    "SelectWidget",
    "TextWidget",
    "actor_of",
    "ask_or_do",
    "change_page",
    "page_action",
    "posted",
    "turn_away",
    "way_back",
    "with_way_back",
]


BACK_OFFICE, WAY_BACK = "/admin/", "back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What the page says; `danger` paints the button red, `back` is the address of the object's page."""

    title: "StrOrPromise"
    words: "StrOrPromise"
    button: "StrOrPromise"
    back: str
    danger: bool = False
    # Names and values, shown above the form.
    facts: Sequence[tuple[str, object]] = ()
    # What moves money, shows card data or gives power is asked for, and done, shortly after a second factor only.
    needs_fresh_code: bool = False
    # What a second person has to do with it, in sentences; the first says when there must be one.
    second_person: "Sequence[StrOrPromise]" = ()
    # A page with fields in groups extends the usual one.
    template: str = "admin/confirmation.html"


@sensitive_variables("result")
def ask_or_do(
    request: HttpRequest,
    confirmation: Confirmation,
    form: forms.Form,
    call: Callable[..., Any],
    *,
    done: "StrOrPromise | Callable[[Any], HttpResponse | None]",
    refusals: tuple[type[OneCardError], ...] = (OneCardError,),
    row: Model | None = None,
) -> HttpResponse:
    """Asks; on a valid POST makes the domain call with the form's values and leads back to `confirmation.back`.

    `done` is the sentence for success, or a function that shows the call's result and may return another page. A
    refusal is shown beside the form, which keeps what was typed. If `row` was deleted meanwhile, a message on the list
    says so. The caller checks the permission first. A page that linked here by `with_way_back` is led back to.
    Where `needs_fresh_code` is set and the second factor was entered too long ago, it is asked for and nothing is done.
    """
    if confirmation.needs_fresh_code:
        if not fresh_code.is_fresh(request):
            return fresh_code.ask(request, form)
        fresh_code.fill_in(request, form)
    confirmation = replace(confirmation, back=way_back(request, confirmation.back))
    if request.method != "POST" or not form.is_valid():
        return _ask(request, confirmation, form)
    try:
        # What the call writes down is English, whoever pressed the button; its refusal is translated below.
        with translation.override(settings.LANGUAGE_CODE):
            result = call(**form.cleaned_data)
    except refusals as error:
        form.add_error(None, error.message)
        return _ask(request, confirmation, form)
    except ObjectDoesNotExist:
        if row is None or _is_there(row):
            raise
        return turn_away(
            request,
            _("This %(row)s was deleted meanwhile.") % {"row": row._meta.verbose_name},
            _list_page(row),
        )
    if callable(done):
        return done(result) or redirect(confirmation.back)
    messages.success(request, done)
    return redirect(confirmation.back)


def turn_away(request: HttpRequest, why_not: str, page: str) -> HttpResponse:
    """Redirects to a page, with a sentence that says why the button cannot be used."""
    messages.error(request, why_not)
    return redirect(way_back(request, page))


def with_way_back(address: str, page: str) -> str:
    """Returns the address of a button's page, which will lead back to `page` instead of to the object's own page."""
    return f"{address}{'&' if '?' in address else '?'}{urlencode({WAY_BACK: page})}"


def way_back(request: HttpRequest, page: str) -> str:
    """Returns where the address says that the user came from, if that is a page of the back office; else `page`."""
    wanted = request.GET.get(WAY_BACK, "")
    is_ours = wanted.startswith(BACK_OFFICE) and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if is_ours else page


def posted(request: HttpRequest) -> QueryDict | None:
    """Returns what a form is bound to: the values of a POST. No other method binds a form."""
    return request.POST if request.method == "POST" else None


def actor_of(request: HttpRequest) -> str:
    """Returns the name of the person in the audit trail."""
    return f"user:{request.user.pk}"


def change_page(row: Model) -> str:
    """Returns the address of a row's page in the back office."""
    return reverse(f"admin:{row._meta.label_lower.replace('.', '_')}_change", args=[row.pk])


def _ask(request: HttpRequest, confirmation: Confirmation, form: forms.Form) -> TemplateResponse:
    """Returns the page; after a refused POST with what was wrong. It is never kept by a cache."""
    errors = form.non_field_errors()
    context = {
        **admin.site.each_context(request),
        "title": confirmation.title,
        "confirmation": confirmation,
        "form": form,
        "errors": errors,
    }
    answer = TemplateResponse(request, confirmation.template, context)
    answer["Cache-Control"] = "no-store"
    return answer


def _list_page(row: Model) -> str:
    return reverse(f"admin:{row._meta.label_lower.replace('.', '_')}_changelist")


def _is_there(row: Model) -> bool:
    return row._meta.base_manager.filter(pk=row.pk).exists()


class FileWidget(forms.FileInput):
    """The browser's own choice of a file, which can be used with the keyboard.

    Unfold's script writes the file's name into the first text field of the third element above, which would be another
    field of the form. So that element is here, with a field of its own that nobody sees or sends.
    """

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        field = super().render(name, value, attrs, renderer)
        unseen = '<div class="oc-file"><span><span>{}</span></span><input type="text" hidden disabled></div>'
        return format_html(unseen, field)


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

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=LONGEST_REASON, widget=AreaWidget({"rows": 3}))
