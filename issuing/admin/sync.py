"""Comparisons with the issuers, and the differences found. Read-only."""

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from issuing import states
from issuing.models import SyncDifference, SyncRun
from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin, ReadOnlyInline

RESOLUTION_TONE: dict[str, str] = {
    SyncDifference.Resolution.TAKEN_OVER: "info",
    SyncDifference.Resolution.PUSHED: "info",
    SyncDifference.Resolution.OPEN: "bad",
}


class DifferencesInline(ReadOnlyInline):
    """The differences that one run found."""

    model = SyncDifference
    fields = ("kind", "reference", "ours", "theirs", "resolution")
    readonly_fields = fields
    per_page = 50
    show_change_link = True


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnlyAdmin):
    """One comparison with an issuer, interrupted or not."""

    inlines = (DifferencesInline,)
    list_display = ("started", "provider", "state", "cards_seen", "transactions_seen", "events_seen", "found")
    list_filter = ("provider", "status", "started_at")
    fields = (
        ("provider", "state"),
        ("stage", "cursor"),
        ("cards_seen", "transactions_seen"),
        ("events_seen", "requested_by"),
        ("from_", "to"),
        ("started", "finished"),
    )
    nothing_yet = "Run manage.py sync_issuer to compare with an issuer."

    def get_queryset(self, request: HttpRequest) -> QuerySet[SyncRun]:
        rows: QuerySet[SyncRun] = super().get_queryset(request)
        return rows.annotate(difference_count=Count("differences"))

    @admin.display(description="Started", ordering="started_at")
    def started(self, run: SyncRun) -> str:
        return display.moment(run.started_at)

    @admin.display(description="Finished", ordering="finished_at")
    def finished(self, run: SyncRun) -> str:
        return display.moment(run.finished_at)

    @admin.display(description="Compared from")
    def from_(self, run: SyncRun) -> str:
        return display.moment(run.since)

    @admin.display(description="Compared to")
    def to(self, run: SyncRun) -> str:
        return display.moment(run.until)

    @admin.display(description="State", ordering="status")
    def state(self, run: SyncRun) -> SafeString:
        return display.label(run.get_status_display(), "good" if run.status == states.Sync.FINISHED else "info")

    @admin.display(description="Differences")
    def found(self, run: SyncRun) -> int:
        return int(getattr(run, "difference_count", 0))


@admin.register(SyncDifference)
class SyncDifferenceAdmin(ReadOnlyAdmin):
    """A difference between an issuer and us, and how the rule resolved it."""

    list_display = ("found", "kind", "reference", "ours", "theirs", "state", "card")
    list_display_links = ("found", "kind")
    list_filter = ("resolution", "kind", "provider", "found_at")
    list_select_related = ("card",)
    search_fields = ("reference", "card__last_four")
    search_help_text = "Issuer's id or last four"
    fields = (("kind", "state"), ("ours", "theirs"), ("reference", "provider"), ("card", "run"), "found")
    nothing_yet = "They appear here when a sync finds something."

    @admin.display(description="Found", ordering="found_at")
    def found(self, difference: SyncDifference) -> str:
        return display.moment(difference.found_at)

    @admin.display(description="Resolution", ordering="resolution")
    def state(self, difference: SyncDifference) -> SafeString:
        tone = RESOLUTION_TONE.get(difference.resolution, "neutral")
        return display.label(difference.get_resolution_display(), tone)


references.register("syncrun", lambda key: reverse("admin:issuing_syncrun_change", args=[key]))
references.register("syncdifference", lambda key: reverse("admin:issuing_syncdifference_change", args=[key]))
