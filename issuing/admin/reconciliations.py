"""Reconciliations: the button that asks for one, its progress, and its report. The rows are read-only."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.admin import actor_in_words
from audit.models import Entry
from issuing import states
from issuing.models import ReconcileFinding, ReconcileRun
from issuing.reconcile import recorded, stood_in
from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin
from onecard.kit.confirmation_pages import Confirmation, actor_of, ask_or_do, change_page, page_action, posted
from onecard.kit.polled_parts import polled

FINDINGS_ON_A_PAGE = 50
TONE: dict[str, str] = {
    states.Reconciliation.RUNNING: "info",
    states.Reconciliation.FINISHED: "good",
    states.Reconciliation.FAILED: "bad",
}
RESULT_TONE: dict[str, str] = {ReconcileFinding.Result.LEFT: "bad", ReconcileFinding.Result.SETTLED: "good"}
COMPARISONS = {
    "transactions": gettext_lazy("The issuer's transactions and ours"),
    "charges": gettext_lazy("The processor's charges and ours"),
    "refunds": gettext_lazy("The processor's refunds and ours"),
    "posted_transactions": gettext_lazy("Transactions and the ledger"),
    "posted_charges": gettext_lazy("Charges and the ledger"),
    "posted_refunds": gettext_lazy("Refunds and the ledger"),
    "purchases_in_clearing": gettext_lazy("Purchases left in clearing"),
    "purchases_without_charge": gettext_lazy("Purchases that nobody paid"),
    "on_the_way": gettext_lazy("Our own money on the way for too long"),
    "at_the_processor": gettext_lazy("The processor's balance and our account"),
    "at_the_issuer": gettext_lazy("The issuer's balance and our account"),
}


@admin.register(ReconcileRun)
class ReconcileRunAdmin(ReadOnlyAdmin):
    """One reconciliation and its report; the newest come first."""

    list_display = ("asked", "state", "found", "left", "settled", "resolved", "rows_listed", "took")
    list_filter = ("status", "requested_at")
    nothing_yet = gettext_lazy("The first one comes by itself at night, or when you press “Reconcile now”.")
    actions_list = ("reconcile_now",)
    change_form_template = "admin/issuing/reconcilerun/page.html"

    def get_urls(self) -> list[URLPattern]:
        progress = path("<int:pk>/progress/", polled(self.progress), name="issuing_reconcilerun_progress")
        return [progress, *super().get_urls()]

    def has_reconcile_permission(self, request: HttpRequest, *_object: object) -> bool:
        """Named “reconcile” because Django's “add” permission belongs to a plain form, which does not exist here."""
        return request.user.has_perm("issuing.add_reconcilerun")

    @page_action(
        description=gettext_lazy("Reconcile now"), url_path="now", permissions=["reconcile"], icon="fact_check"
    )
    def reconcile_now(self, request: HttpRequest) -> HttpResponse:
        def show(asked: tuple[ReconcileRun, bool]) -> HttpResponse:
            run, is_new = asked
            if not is_new:
                messages.info(request, _("A reconciliation was under way already. This is it."))
            return redirect(change_page(run))

        form = forms.Form(posted(request))
        return ask_or_do(request, _confirmation(), form, lambda: recorded.request(actor=actor_of(request)), done=show)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        if not isinstance(run, ReconcileRun) or request.method != "GET" or not self.has_view_permission(request, run):
            return super().change_view(request, object_id, form_url, extra_context)
        shown = {"title": _("Reconciliation"), **report_of(run, request.GET.get("page"))}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | shown)

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Returns the report so far, for the page that shows it."""
        run = self.get_object(request, str(pk))
        if not isinstance(run, ReconcileRun):
            raise Http404
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        report = report_of(run, request.GET.get("page"))
        return TemplateResponse(request, "admin/issuing/reconcilerun/report.html", report)

    @admin.display(description=gettext_lazy("Asked for"), ordering="requested_at")
    def asked(self, run: ReconcileRun) -> str:
        return display.moment(run.requested_at)

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def state(self, run: ReconcileRun) -> SafeString:
        return display.label(run.get_status_display(), TONE.get(run.status, "neutral"))

    @admin.display(description=gettext_lazy("Took"))
    def took(self, run: ReconcileRun) -> str:
        if run.started_at is None or run.finished_at is None:
            return display.NOTHING
        return display.span((run.finished_at - run.started_at).total_seconds())


def report_of(run: ReconcileRun, page: str | None) -> dict[str, Any]:
    """Returns what the page shows: how far the run is, its counts, and one page of its differences with their cases."""
    is_running = run.status == states.Reconciliation.RUNNING
    findings = Paginator(run.findings.select_related("case"), FINDINGS_ON_A_PAGE).get_page(page)
    return {
        "run": run,
        "is_running": is_running,
        "waits_for_worker": is_running and not recorded.is_in_hands(run.pk),
        "state": display.label(run.get_status_display(), TONE.get(run.status, "neutral")),
        "asked_by": _asked_by(run),
        "stood_in": stood_in.between(run.since, run.until) if run.since and run.until else None,
        "now_comparing": comparison_in_words(run.now_comparing),
        "findings": findings,
        "rows": [
            {
                "finding": each,
                "comparison": comparison_in_words(each.comparison),
                "result": display.label(each.get_result_display(), RESULT_TONE.get(each.result, "neutral")),
                "case": change_page(each.case),
            }
            for each in findings
        ],
        "not_compared": [
            {"comparison": comparison_in_words(each.comparison), "reason": each.reason}
            for each in run.not_compared.all()
        ],
        "progress_page": reverse("admin:issuing_reconcilerun_progress", args=[run.pk]),
    }


def _asked_by(run: ReconcileRun) -> str:
    if run.requested_by == recorded.NIGHTLY:
        return _("The clock, at night")
    if run.requested_by == recorded.COMMAND:
        return "manage.py reconcile"
    return actor_in_words(Entry(actor=run.requested_by))


def comparison_in_words(label: str) -> str:
    """Returns what a comparison compares, with the issuer's or processor's name: 'Refunds and the ledger'."""
    name, _dot, provider = label.partition(".")
    words = str(COMPARISONS.get(name, label))
    return f"{words} ({provider.title()})" if provider else words


def _confirmation() -> Confirmation:
    return Confirmation(
        title=_("Reconcile now"),
        words=_(
            "The movements of the last 35 days are compared with the issuers, the processor and our ledger, as every "
            "night. Each difference becomes a case, and nothing else is changed. A worker does it; with long lists it "
            "takes minutes, and you may leave its page."
        ),
        button=_("Reconcile now"),
        back=reverse("admin:issuing_reconcilerun_changelist"),
    )


references.register("reconcilerun", lambda key: reverse("admin:issuing_reconcilerun_change", args=[key]))
