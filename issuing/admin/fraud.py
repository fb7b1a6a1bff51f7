"""What fraud hooks said, and how each does: calls, failures, flags, and how often it was right. Read-only."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import formats
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing.fraud import precision, registry
from issuing.fraud.precision import Record
from issuing.models import FraudVerdict
from issuing.states import HookOutcome
from onecard.kit import clock, display, references
from onecard.kit.admin import ReadOnlyAdmin
from onecard.kit.admin_filters import FilterError, TextFilter
from onecard.kit.separators import localised

DAYS: Final = ("7", "30", "90")
TONES: Final[dict[str, str]] = {
    HookOutcome.FLAG: "warn",
    HookOutcome.WOULD_DECLINE: "warn",
    HookOutcome.DECLINE: "bad",
    HookOutcome.LATE: "info",
    HookOutcome.RAISED: "bad",
    HookOutcome.INVALID: "bad",
}


class ChosenForm(forms.Form):
    """The parameters that the page's address may have."""

    days = forms.ChoiceField(choices=[(each, each) for each in DAYS], required=False)
    hook = forms.RegexField(r"^[A-Za-z_]\w{0,59}$", required=False)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table, as text; `state` says whether the hook is asked now, `page` leads to its days."""

    name: str
    page: str
    state: str | SafeString
    calls: str
    mean: str
    failures: str
    flags: str
    declines: str
    cases: str
    precision: str


class CaseFilter(TextFilter):
    """By the number of the case to which a verdict belongs, as the case's page links it."""

    title = gettext_lazy("Case's number")
    parameter_name = "case"
    input_mode = "numeric"

    def select(self, rows: QuerySet[FraudVerdict]) -> QuerySet[FraudVerdict]:
        text = self.value()
        if not (text.isascii() and text.isdecimal() and len(text) <= 18):
            raise FilterError(_("A case's number has digits only."))
        return rows.filter(case=int(text))


@admin.register(FraudVerdict)
class FraudVerdictAdmin(ReadOnlyAdmin):
    """The verdicts that ask for attention; the hooks' own page is at hooks/."""

    list_display = ("when", "hook", "what", "score", "why", "purchase", "its_case")
    list_display_links = ("when",)
    list_filter = ("decided_at", "outcome", "hook", CaseFilter)
    list_select_related = ("decision__authorization", "case")
    rises_with_key = ("decided_at",)
    search_fields = ("hook", "reason")
    search_help_text = gettext_lazy("Hook, or words of the reason")
    fields = (("when", "hook"), ("what", "score"), "why", ("purchase", "its_case"), "took")
    nothing_yet = gettext_lazy("A verdict is kept when a fraud hook flags or declines a purchase, or fails.")

    def get_urls(self) -> list[URLPattern]:
        page = path("hooks/", self.admin_site.admin_view(self.hooks_page), name="issuing_fraudverdict_hooks")
        return [page, *super().get_urls()]

    def hooks_page(self, request: HttpRequest) -> HttpResponse:
        """Returns the page "Fraud hooks"."""
        if request.method != "GET" or not self.has_view_permission(request):
            raise PermissionDenied
        form = ChosenForm(request.GET)
        chosen = form.cleaned_data if form.is_valid() else {}
        days, hook = int(chosen.get("days") or 30), chosen.get("hook") or ""
        period = {"since": clock.now() - dt.timedelta(days=days), "until": clock.now()}
        records = precision.by_day(hook, **period) if hook else precision.of_period(**period)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Fraud hooks"),
            "problems": [error for errors in form.errors.values() for error in errors],
            "hook": hook,
            "days": days,
            "tabs": [(each, f"?days={each}" + (f"&hook={hook}" if hook else ""), int(each) == days) for each in DAYS],
            "heading": _("Day (UTC)") if hook else _("Hook"),
            "lines": [_line(each, days) for each in records] + ([] if hook else _unasked(records, days)),
        }
        return TemplateResponse(request, "admin/issuing/fraudverdict/hooks.html", context)

    @admin.display(description=gettext_lazy("When"), ordering="decided_at")
    def when(self, verdict: FraudVerdict) -> str:
        return display.moment(verdict.decided_at)

    @admin.display(description=gettext_lazy("Verdict"), ordering="outcome")
    def what(self, verdict: FraudVerdict) -> SafeString:
        return display.label(verdict.get_outcome_display(), TONES.get(verdict.outcome, "neutral"))

    @admin.display(description=gettext_lazy("Reason"))
    def why(self, verdict: FraudVerdict) -> str:
        return verdict.reason or display.NOTHING

    @admin.display(description=gettext_lazy("Purchase"))
    def purchase(self, verdict: FraudVerdict) -> str:
        row = verdict.decision.authorization
        return display.link(references.page_of(row.reference), row)

    @admin.display(description=gettext_lazy("Case"))
    def its_case(self, verdict: FraudVerdict) -> str:
        case = verdict.case
        if case is None:
            return display.NOTHING
        words = case.get_outcome_display() if case.outcome else case.get_status_display()
        return display.link(reverse("admin:wallet_case_change", args=[case.pk]), words)

    @admin.display(description=gettext_lazy("Time taken"))
    def took(self, verdict: FraudVerdict) -> str:
        return f"{verdict.took_ms} ms"


def _line(record: Record, days: int) -> Line:
    failures = (
        (_("late"), record.late),
        (_("failed"), record.raised + record.invalid),
        (_("skipped"), record.not_asked),
    )
    cases = (
        (_("fraud"), record.fraud),
        (_("no fraud"), record.false_positives),
        (_("open"), record.undecided),
    )
    share = record.precision
    return Line(
        name=formats.date_format(record.day, "SHORT_DATE_FORMAT") if record.day else record.hook,
        page="" if record.day else f"?days={days}&hook={record.hook}",
        state="" if record.day else _state(record.hook),
        calls=localised(f"{record.calls:,}"),
        mean=display.NOTHING if record.mean_us is None else localised(f"{record.mean_us / 1000:,.3f} ms"),
        failures=_counted(failures),
        flags=localised(f"{record.flags:,}"),
        declines=localised(f"{record.declines:,}"),
        cases=_counted(cases),
        precision=display.NOTHING if share is None else localised(f"{share * 100:.0f} %"),
    )


def _counted(pairs: Any) -> str:
    return ", ".join(f"{localised(f'{count:,}')} {name}" for name, count in pairs if count) or display.NOTHING


def _unasked(records: list[Record], days: int) -> list[Line]:
    """Returns a line for each hook of FRAUD_HOOKS of which nothing is known in the period."""
    known = {each.hook for each in records}
    return [_line(Record(each.name, None), days) for each in registry.hooks() if each.name not in known]


def _state(name: str) -> SafeString:
    hook = next((each for each in registry.hooks() if each.name == name), None)
    if hook is None:
        return display.label(_("Not in FRAUD_HOOKS"), "neutral")
    return display.label(_("May decline"), "bad") if hook.may_decline else display.label(_("Flags"), "good")
