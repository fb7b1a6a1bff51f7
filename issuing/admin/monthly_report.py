"""The monthly report of a cardholder, as staff read it: the same numbers as on the person's own page."""

from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing.models import RewardEntry
from issuing.rewards.monthly.chart import charts_of
from issuing.rewards.monthly.mail import sent_notice
from issuing.rewards.monthly.months import MonthError, current_month, earlier_month, month_after, month_for
from issuing.rewards.monthly.report import reports_of
from onecard.kit import references
from wallet.models import Cardholder


class AskedForm(forms.Form):
    """Whose month: a login, and a month such as 2026-10, the last whole one if it is empty."""

    cardholder = forms.CharField(label=gettext_lazy("Cardholder's login"), max_length=150)
    month = forms.CharField(label=gettext_lazy("Month"), required=False, max_length=20)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        name = cleaned.get("cardholder")
        holder = Cardholder.objects.select_related("user").filter(user__username=name).first() if name else None
        if name and holder is None:
            words = _("No wallet belongs to a login %(name)s. The wallets' page lists them.")
            raise forms.ValidationError(words % {"name": repr(name)})
        if holder is not None:
            cleaned |= {"holder": holder, "first": self._first(holder, cleaned.get("month", ""))}
        return cleaned

    def _first(self, holder: Cardholder, text: str) -> Any:
        try:
            return month_for(holder, text)
        except MonthError as error:
            raise forms.ValidationError(error.message) from None


def show(rewards: "ModelAdmin[RewardEntry]", request: HttpRequest) -> HttpResponse:
    """Returns the page; without a login it only asks for one. Raises PermissionDenied for who may not see rewards."""
    if request.method != "GET" or not rewards.has_view_permission(request):
        raise PermissionDenied
    is_asked = bool(request.GET.get("cardholder"))
    form = AskedForm(request.GET) if is_asked else None
    found = _found(form.cleaned_data["holder"], form.cleaned_data["first"]) if form and form.is_valid() else {}
    context = {
        **rewards.admin_site.each_context(request),
        "title": _("Monthly report"),
        "asked": {name: request.GET.get(name, "") for name in ("month", "cardholder")},
        "problems": [error for errors in form.errors.values() for error in errors] if form else [],
        **found,
    }
    return TemplateResponse(request, "admin/issuing/rewardentry/monthly.html", context)


def _found(holder: Cardholder, month: Any) -> dict[str, Any]:
    current = current_month(holder)
    return {
        "holder": holder,
        "holder_page": references.page_of(f"cardholder:{holder.pk}"),
        "month": month,
        "is_over": month < current,
        "earlier": earlier_month(holder, month),
        "later": month_after(month) if month < current else None,
        "sent": sent_notice(holder, month),
        "reports": [(each, charts_of(each)) for each in reports_of(holder, month)],
    }
