"""What the buttons share whose action takes a second person: the form, the check of the code, and the result."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from onecard.kit import display
from onecard.kit.confirmation_pages import CodeField, ReasonForm
from onecard.second_factor.devices import confirm
from onecard.users.models import User
from wallet.models import EnteredAmount

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class AgreeForm(ReasonForm):
    """A form that agrees to the amount as the page shows it. It asks for a code of the second factor."""

    code = CodeField(label="The six digits that your authenticator shows now")
    shown_minor = forms.IntegerField(min_value=0, widget=forms.HiddenInput)


def after_code(user: User, call: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the call, with the user. It first checks the code of the second factor, where the form asks for one."""

    @sensitive_variables("values")
    def checked(**values: Any) -> Any:
        if "code" in values:
            confirm(user, values.pop("code"))
        return call(user=user, **values)

    return checked


def show_result(request: HttpRequest, result: object, *, done: "StrOrPromise" = "") -> None:
    """Shows what happened to an entered amount, or that another action is done."""
    if isinstance(result, EnteredAmount) and result.status == EnteredAmount.Status.PROPOSED:
        messages.warning(
            request,
            _(
                "%(money)s waits for a second person: nothing has happened yet. Somebody else has to "
                "agree under Entered amounts."
            )
            % {"money": display.amount(result.money)},
        )
    else:
        messages.success(request, done)
