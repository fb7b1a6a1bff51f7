"""The preview of a control: how far it is, what it would have done by day, and to which purchases. Read-only."""

from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from issuing.admin.controls import sentences
from issuing.backtest.controls.asking import progress_percent, tried_of
from issuing.models import ControlPreview, ControlPreviewHit
from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin, ReadOnlyInline, row_of
from onecard.kit.confirmation_pages import change_page

Status, Effect = ControlPreview.Status, ControlPreviewHit.Effect
TONE: Final[dict[str, str]] = {Status.RUNNING: "info", Status.FINISHED: "good", Status.OUTDATED: "neutral"}
EFFECT_TONE: Final[dict[str, str]] = {Effect.DECLINED: "bad", Effect.APPROVED: "good", Effect.FLAGGED: "warn"}


class HitsInline(ReadOnlyInline):
    """The purchases on which the control would have taken its action, the newest first."""

    model = ControlPreviewHit
    fields = ("purchase", "when", "amount", "effect_of", "becomes")
    readonly_fields = fields
    per_page = 25
    verbose_name_plural = gettext_lazy("Purchases")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees a preview sees what it found."""
        return request.user.has_perm("issuing.view_controlpreview")

    @admin.display(description=gettext_lazy("Purchase"))
    def purchase(self, row: ControlPreviewHit) -> str:
        name = f"{row.merchant_name or row.reference}, {row.mcc}"
        page = references.page_of(row.reference)
        return display.link(page, name) if page else name

    @admin.display(description=gettext_lazy("When"))
    def when(self, row: ControlPreviewHit) -> str:
        return display.moment(row.decided_at)

    @admin.display(description=gettext_lazy("Amount"))
    def amount(self, row: ControlPreviewHit) -> str:
        return display.money(row.amount_minor, row.currency)

    @admin.display(description=gettext_lazy("With the control"))
    def effect_of(self, row: ControlPreviewHit) -> SafeString:
        return display.label(row.get_effect_display(), EFFECT_TONE.get(row.effect, "neutral"))

    @admin.display(description=gettext_lazy("Approved or held"))
    def becomes(self, row: ControlPreviewHit) -> str:
        return display.money(row.becomes_minor, row.currency) if row.becomes_minor else display.NOTHING


@admin.register(ControlPreview)
class ControlPreviewAdmin(ReadOnlyAdmin):
    """Previews are begun on a control's page, and work by themselves."""

    inlines = (HitsInline,)
    list_display = ("title", "state", "days", "hit_count", "declined_instead", "begun", "asked_by")
    list_filter = ("status", "created_at")
    list_select_related = ("version__control", "asked_by")
    search_fields = ("version__control__name",)
    search_help_text = gettext_lazy("Name of the control")
    nothing_yet = gettext_lazy("Press “Preview” on a control's page.")
    change_form_template = "admin/routing/rankingpreview/page.html"
    fields = (
        ("of_control", "state"),
        "what",
        ("hit_count", "days"),
        ("declined_instead", "approved_instead"),
        "by_day",
        "looked",
        ("begun", "finished"),
    )

    @admin.display(description=gettext_lazy("Preview"), ordering="id")
    def title(self, preview: ControlPreview) -> str:
        return str(preview.version)

    @admin.display(description=gettext_lazy("Control"))
    def of_control(self, preview: ControlPreview) -> Any:
        link = display.link(change_page(preview.version.control), preview.version)
        if tried_of(preview.version) == preview.tried:
            return link
        return format_html("{} {}", link, display.label(_("changed since"), "neutral"))

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def state(self, preview: ControlPreview) -> SafeString:
        return display.label(preview.get_status_display(), TONE[preview.status])

    @admin.display(description=gettext_lazy("What was tried"))
    def what(self, preview: ControlPreview) -> SafeString:
        definition = preview.tried.get("definition") if isinstance(preview.tried, dict) else None
        return format_html_join("", "<p>{}</p>", ((line,) for line in sentences.in_sentences(definition)))

    @admin.display(description=gettext_lazy("Hits"))
    def hit_count(self, preview: ControlPreview) -> str:
        return _purchases(preview.hits)

    @admin.display(description=gettext_lazy("Approved then, and declined with it"))
    def declined_instead(self, preview: ControlPreview) -> str:
        return _purchases(preview.newly_declined)

    @admin.display(description=gettext_lazy("Declined then by this control, and approved with it as it is now"))
    def approved_instead(self, preview: ControlPreview) -> str:
        return _purchases(preview.newly_approved)

    @admin.display(description=gettext_lazy("By day (UTC)"))
    def by_day(self, preview: ControlPreview) -> Any:
        rows = [
            {"day": day, "hits": f"{hits:,}", "amount": display.money(minor, currency), "changed": f"{changed:,}"}
            for day, currencies in sorted(preview.days_found.items(), reverse=True)
            for currency, (hits, minor, changed) in sorted(currencies.items())
        ]
        return render_to_string("admin/issuing/controlpreview/days.html", {"rows": rows}) if rows else _("No hit.")

    @admin.display(description=gettext_lazy("Looked at"))
    def looked(self, preview: ControlPreview) -> str:
        said = ngettext("%(count)s decision", "%(count)s decisions", preview.looked_at) % {
            "count": f"{preview.looked_at:,}"
        }
        if preview.unreadable:
            more = _("%(count)s say too little to be judged again, and were left out.") % {
                "count": f"{preview.unreadable:,}"
            }
            said = f"{said}. {more}"
        return said

    @admin.display(description=gettext_lazy("Begun"), ordering="created_at")
    def begun(self, preview: ControlPreview) -> str:
        return display.moment(preview.created_at)

    @admin.display(description=gettext_lazy("Ended"))
    def finished(self, preview: ControlPreview) -> str:
        return display.moment(preview.finished_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Shows how far it is, and loads the page anew for who waited until it is finished."""
        preview = row_of(self, request, object_id)
        is_running = preview is not None and preview.status == Status.RUNNING
        if not is_running and "HX-Request" in request.headers:
            return HttpResponse(headers={"HX-Refresh": "true"})
        context = {"is_running": is_running, "progress": _bar(preview) if preview else ""} | (extra_context or {})
        return super().change_view(request, object_id, form_url, context)


def _bar(preview: ControlPreview) -> SafeString:
    percent, said = progress_percent(preview), _progress(preview)
    bar = '<progress class="oc-progress" max="100" value="{}" aria-label="{}">{} %</progress><p>{}</p>'
    return format_html(bar, percent, said, percent, said)


def _progress(preview: ControlPreview) -> str:
    if preview.status == Status.RUNNING:
        return _("%(count)s decisions looked at so far. This page looks again by itself.") % {
            "count": f"{preview.looked_at:,}"
        }
    if preview.is_cut:
        return _("Ended at %(count)s decisions, the most that one preview looks at; newer ones were left out.") % {
            "count": f"{preview.looked_at:,}"
        }
    return _("All of the period was looked at.") if preview.status == Status.FINISHED else preview.get_status_display()


def _purchases(count: int) -> str:
    return ngettext("%(count)s purchase", "%(count)s purchases", count) % {"count": f"{count:,}"}


references.register("controlpreview", lambda key: reverse("admin:issuing_controlpreview_change", args=[key]))
