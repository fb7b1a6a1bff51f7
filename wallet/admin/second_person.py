"""What the buttons share whose action takes a second person: what is said before it, the form, and the result."""

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from onecard.kit.confirmation_pages import ReasonForm
from onecard.second_factor import second_people
from wallet.entered.amounts import two_person_notice
from wallet.models import EnteredAmount

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


AGREES: Final = "wallet.agree_entered_amount"


class AgreeForm(ReasonForm):
    """A form that agrees to the amount as the page shows it."""

    shown_minor = forms.IntegerField(min_value=0, widget=forms.HiddenInput)


def announced(kind: str, currency: str, user: Any) -> tuple[str, ...]:
    """Returns what a page says before an amount is entered: when it takes two, what happens then, and who may."""
    return waits_under_entered(two_person_notice(kind, currency), user)


def waits_under_entered(when: "StrOrPromise", user: Any) -> tuple[str, ...]:
    """Returns when an entered amount takes two people, what happens then, and who may agree beside the user."""
    what = _(
        "It then waits under Entered amounts, and nothing happens until they agree: they see your name and your reason."
    )
    return str(when), what, second_people.in_words(AGREES, besides=[user])


def show_result(request: HttpRequest, result: object, *, done: "StrOrPromise" = "") -> None:
    """Shows what happened to an entered amount, or that another action is done."""
    if isinstance(result, EnteredAmount) and result.status == EnteredAmount.Status.PROPOSED:
        waits = _(
            "%(money)s waits for a second person: nothing has happened yet. Somebody else has to "
            "agree under Entered amounts."
        ) % {"money": str(result.money)}
        messages.warning(request, f"{waits} {second_people.in_words(AGREES, besides=[result.entered_by])}")
    else:
        messages.success(request, done)
