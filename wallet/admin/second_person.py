"""What the buttons share whose action takes a second person: the form and the result."""

from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from onecard.kit.confirmation_pages import ReasonForm
from wallet.models import EnteredAmount

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class AgreeForm(ReasonForm):
    """A form that agrees to the amount as the page shows it."""

    shown_minor = forms.IntegerField(min_value=0, widget=forms.HiddenInput)


def show_result(request: HttpRequest, result: object, *, done: "StrOrPromise" = "") -> None:
    """Shows what happened to an entered amount, or that another action is done."""
    if isinstance(result, EnteredAmount) and result.status == EnteredAmount.Status.PROPOSED:
        messages.warning(
            request,
            _(
                "%(money)s waits for a second person: nothing has happened yet. Somebody else has to "
                "agree under Entered amounts."
            )
            % {"money": str(result.money)},
        )
    else:
        messages.success(request, done)
