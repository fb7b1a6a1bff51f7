"""The button “Open a case” on the page of a person, a card or a purchase."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit.admin import BaseAdmin, row_or_404
from onecard.kit.confirmation_pages import (
    AreaWidget,
    Confirmation,
    SelectWidget,
    TextWidget,
    ask_or_do,
    change_page,
    page_action,
    posted,
)
from onecard.users.models import User
from wallet.casework import by_hand
from wallet.casework.desk import LONGEST_NOTE, CaseRefusedError
from wallet.models import Case

OPENS = "wallet.add_case"


class CaseByHandForm(forms.Form):
    """What is to be done, by when, and by whom."""

    title = forms.CharField(
        label=gettext_lazy("What is to be done"), max_length=by_hand.LONGEST_TITLE, widget=TextWidget
    )
    words = forms.CharField(
        label=gettext_lazy("What happened"), max_length=LONGEST_NOTE, widget=AreaWidget({"rows": 5})
    )
    due_on = forms.DateField(label=gettext_lazy("Due"), required=False, widget=TextWidget({"type": "date"}))
    owner: Any = forms.ModelChoiceField(
        User.objects.none(),
        label=gettext_lazy("Owner"),
        required=False,
        empty_label=gettext_lazy("Nobody"),
        widget=SelectWidget,
    )

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.fields["owner"].queryset = by_hand.assignees()  # type: ignore[attr-defined]


class OpenCaseAdmin(BaseAdmin):
    """Gives a page its button; the page lists `open_case` among its buttons."""

    @page_action(
        description=gettext_lazy("Open a case"), url_path="open-case", permissions=["open_case", "view"], icon="support"
    )
    def open_case(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row, user = row_or_404(self, request, object_id), request.user
        return ask_or_do(
            request,
            _confirmation(row),
            CaseByHandForm(posted(request)),
            partial(by_hand.open_case, reference=reference_of(row), user=user),  # type: ignore[arg-type]
            done=partial(_lead_to, request),
            refusals=(CaseRefusedError,),
            row=row,
        )

    def has_open_case_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm(OPENS)


def reference_of(row: Model) -> str:
    """Returns the reference of what a page shows, such as cardholder:7."""
    return str(getattr(row, "reference", f"{row._meta.model_name}:{row.pk}"))


def _confirmation(row: Model) -> Confirmation:
    return Confirmation(
        title=_("Open a case about %(thing)s") % {"thing": row},
        words=_(
            "The case stands in the list of cases until somebody resolves it. What you write is its first note, which "
            "stays as it is. The cardholder does not see it."
        ),
        button=_("Open the case"),
        back=change_page(row),
    )


def _lead_to(request: HttpRequest, case: Case) -> HttpResponse:
    messages.success(request, _("The case is open."))
    return redirect(change_page(case))
