"""The report of one control, and its file: what a version did on each day, its examples, and what its cases were."""

import datetime as dt
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from issuing.admin.controls.labels import ACTIONS
from issuing.controls import report
from issuing.models import Control, ControlVersion
from onecard.desk.controls import chart
from onecard.desk.controls.csv_file import lines_of, write_down
from onecard.desk.exports.views import MAY_EXPORT
from onecard.desk.views import for_staff, render
from onecard.kit import clock, display
from onecard.kit.confirmation_pages import change_page
from onecard.kit.references import page_of

VIEWS: Final = "issuing.view_control"
PERIODS: Final = {7: gettext_lazy("7 days"), 30: gettext_lazy("30 days"), 90: gettext_lazy("90 days")}
USUAL: Final = 30


@for_staff(VIEWS)
@require_safe
def control_report(request: HttpRequest, key: int) -> HttpResponse:
    """Shows the report of the version that the address names, else of the newest one that was in shadow or active."""
    control = get_object_or_404(Control, pk=key)
    versions = list(control.versions.order_by("-number"))
    version, days = _chosen(versions, request.GET.get("version", "")), _days(request.GET.get("days", ""))
    context: dict[str, Any] = {
        "control": control, "back": change_page(control), "versions": versions, "version": version,
        "periods": PERIODS, "days": days, "may_export": request.user.has_perm(MAY_EXPORT),
    }  # fmt: skip
    if version is not None:
        context |= _found(version, days)
    return render(request, "controls/report", _("Report of %(control)s") % {"control": control}, context)


@for_staff(VIEWS, MAY_EXPORT)
@require_POST
def control_report_file(request: HttpRequest, key: int) -> HttpResponseBase:
    """Streams the days of all versions as CSV; who took them out is in the trail."""
    control = get_object_or_404(Control, pk=key)
    days = _days(request.POST.get("days", ""))
    since, until = _period(days)
    write_down(request, control)
    versions = control.versions.order_by("-number")
    answer = StreamingHttpResponse(lines_of(versions, since=since, until=until), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="control-{control.pk}-{clock.now():%Y%m%d-%H%M}.csv"'
    answer["Cache-Control"] = "no-store"
    return answer


def _found(version: ControlVersion, days: int) -> dict[str, Any]:
    since, until = _period(days)
    lines = report.of_version(version, since=since, until=until)
    all_days = [since.date() + dt.timedelta(days=number) for number in range(days)]
    totals = [report.total(lines, in_shadow=in_shadow) for in_shadow in (False, True)]
    return {
        "chart": chart.draw(lines, all_days),
        "lines": [_row(each) for each in lines],
        "totals": [_row(each) for each in totals if each.hits],
        "first_day": all_days[0],
        "examples": [
            {
                "hit": each,
                "when": display.moment(each.hit_at),
                "amount": display.money(each.amount_minor, each.currency),
                "action": ACTIONS.get(each.action, each.action),
                "purchase": str(each.decision.authorization.merchant_name or each.decision.authorization),
                "page": page_of(each.decision.authorization.reference),
            }
            for each in report.examples(version, since=since, until=until)
        ],
    }


def _row(line: report.Line) -> dict[str, Any]:
    amounts = [display.money(minor, currency) for currency, minor in sorted(line.amounts_minor.items())]
    return {"line": line, "amounts": ", ".join(amounts) or display.NOTHING}


def _period(days: int) -> tuple[dt.datetime, dt.datetime]:
    """Returns whole days of UTC, today the last one."""
    tomorrow = clock.now().astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0) + report.DAY
    return tomorrow - report.DAY * days, tomorrow


def _days(text: str) -> int:
    return int(text) if text in {str(each) for each in PERIODS} else USUAL


def _chosen(versions: list[ControlVersion], number: str) -> ControlVersion | None:
    if number:
        found = next((each for each in versions if str(each.number) == number), None)
        if found is None:
            raise Http404
        return found
    worked = [each for each in versions if each.shadowed_at or each.activated_at]
    return next(iter(worked or versions), None)


def report_page(control: Control) -> str:
    """Returns the address of a control's report."""
    return reverse("desk:control-report", args=[control.pk])
