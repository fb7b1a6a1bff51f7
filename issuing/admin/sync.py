"""Comparisons with the issuers, the button that asks for one, and the differences found. The rows are read-only."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.models import Provider, SyncDifference, SyncRun
from issuing.sync import run as sync
from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin, ReadOnlyInline
from onecard.kit.confirmation_pages import (
    Confirmation,
    SelectWidget,
    actor_of,
    ask_or_do,
    change_page,
    page_action,
    posted,
)
from onecard.kit.polled_parts import polled

RESOLUTION_TONE: dict[str, str] = {
    SyncDifference.Resolution.TAKEN_OVER: "info",
    SyncDifference.Resolution.PUSHED: "info",
    SyncDifference.Resolution.OPEN: "bad",
}


class BothSides:
    """What each side of a difference says, in words."""

    @admin.display(description=gettext_lazy("Ours"), ordering="ours")
    def our_state(self, difference: SyncDifference) -> str:
        return _side_in_words(difference, difference.ours)

    @admin.display(description=gettext_lazy("Theirs"), ordering="theirs")
    def their_state(self, difference: SyncDifference) -> str:
        return _side_in_words(difference, difference.theirs)


class DifferencesInline(BothSides, ReadOnlyInline):
    """The differences that one run found."""

    model = SyncDifference
    fields = ("kind", "reference", "our_state", "their_state", "resolution")
    readonly_fields = fields
    per_page = 50
    show_change_link = True


class SyncForm(forms.Form):
    """The issuer to compare with, of those that make cards or have cards of ours."""

    provider = forms.ChoiceField(label=gettext_lazy("Issuer"), widget=SelectWidget)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.fields["provider"].choices = [(name, Provider(name).label) for name in sync.used_providers()]  # type: ignore[attr-defined]


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
    nothing_yet = gettext_lazy("Press “Sync now”, or run manage.py sync_issuer, to compare with an issuer.")
    actions_list = ("sync_now",)
    change_form_template = "admin/issuing/syncrun/run_page.html"

    def has_sync_permission(self, request: HttpRequest, *_object: object) -> bool:
        """Named “sync” because Django's “add” permission belongs to a plain form, which does not exist here."""
        return request.user.has_perm("issuing.add_syncrun")

    @page_action(description=gettext_lazy("Sync now"), url_path="now", permissions=["sync"], icon="sync")
    def sync_now(self, request: HttpRequest) -> HttpResponse:
        return ask_or_do(
            request,
            _confirmation(),
            SyncForm(posted(request)),
            partial(_request, actor_of(request)),
            done=partial(_show, request),
            refusals=(sync.SyncBusyError,),
        )

    def get_urls(self) -> list[URLPattern]:
        progress = path("<int:pk>/progress/", polled(self.progress), name="issuing_syncrun_progress")
        return [progress, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        shown = progress_of(run) if isinstance(run, SyncRun) else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Returns how far the comparison is, for the page that shows it."""
        run = self.get_object(request, str(pk))
        if not isinstance(run, SyncRun):
            raise Http404
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        return TemplateResponse(request, "admin/issuing/syncrun/progress.html", progress_of(run))

    def get_queryset(self, request: HttpRequest) -> QuerySet[SyncRun]:
        rows: QuerySet[SyncRun] = super().get_queryset(request)
        return rows.annotate(difference_count=Count("differences"))

    @admin.display(description=gettext_lazy("Started"), ordering="started_at")
    def started(self, run: SyncRun) -> str:
        return display.moment(run.started_at)

    @admin.display(description=gettext_lazy("Finished"), ordering="finished_at")
    def finished(self, run: SyncRun) -> str:
        return display.moment(run.finished_at)

    @admin.display(description=gettext_lazy("Compared from"))
    def from_(self, run: SyncRun) -> str:
        return display.moment(run.since)

    @admin.display(description=gettext_lazy("Compared to"))
    def to(self, run: SyncRun) -> str:
        return display.moment(run.until)

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def state(self, run: SyncRun) -> SafeString:
        return display.label(run.get_status_display(), "good" if run.status == states.Sync.FINISHED else "info")

    @admin.display(description=gettext_lazy("Differences"))
    def found(self, run: SyncRun) -> int:
        return int(getattr(run, "difference_count", 0))


@admin.register(SyncDifference)
class SyncDifferenceAdmin(BothSides, ReadOnlyAdmin):
    """A difference between an issuer and us, and how the rule resolved it."""

    list_display = ("found", "kind", "reference", "our_state", "their_state", "state", "card")
    list_display_links = ("found", "kind")
    list_filter = ("resolution", "kind", "provider", "found_at")
    list_select_related = ("card",)
    search_fields = ("reference", "card__last_four")
    search_help_text = gettext_lazy("Issuer's id or last four")
    fields = (("kind", "state"), ("our_state", "their_state"), ("reference", "provider"), ("card", "run"), "found")
    nothing_yet = gettext_lazy("They appear here when a sync finds something.")

    @admin.display(description=gettext_lazy("Found"), ordering="found_at")
    def found(self, difference: SyncDifference) -> str:
        return display.moment(difference.found_at)

    @admin.display(description=gettext_lazy("Resolution"), ordering="resolution")
    def state(self, difference: SyncDifference) -> SafeString:
        tone = RESOLUTION_TONE.get(difference.resolution, "neutral")
        return display.label(difference.get_resolution_display(), tone)


def _side_in_words(difference: SyncDifference, side: str) -> str:
    """Returns one side of a difference: a card's state by its name, and limits as amounts of the card's currency."""
    card, parts = difference.card, side.split(" / ")
    if difference.kind == SyncDifference.Kind.LIMITS and card and all(part.isdecimal() for part in parts):
        return " / ".join(display.money(int(part), card.currency) for part in parts)
    known = {"unknown": _("Unknown there"), "none": _("None")} | dict(states.Card.choices)
    return str(known.get(side, side)) or display.NOTHING


def progress_of(run: SyncRun) -> dict[str, Any]:
    """Returns what the page says of a comparison: its stage among all, what was looked at, and why it stands still."""
    stages = list(states.SyncStage.values)
    return {
        "run": run,
        "is_running": run.status == states.Sync.RUNNING,
        "stage_number": stages.index(run.stage) + 1 if run.stage in stages else 0,
        "stages": len(stages),
        "difference_count": run.differences.count(),
        "left_count": run.differences.filter(resolution=SyncDifference.Resolution.OPEN).count(),
        "progress_page": reverse("admin:issuing_syncrun_progress", args=[run.pk]),
    }


def _request(actor: str, *, provider: str) -> tuple[SyncRun, bool]:
    return sync.request(provider, actor=actor)


def _show(request: HttpRequest, asked: tuple[SyncRun, bool]) -> HttpResponse:
    run, is_new = asked
    if not is_new:
        messages.info(request, _("A comparison with this issuer was under way already. This is it."))
    return redirect(change_page(run))


def _confirmation() -> Confirmation:
    return Confirmation(
        title=_("Sync now"),
        words=_(
            "Our cards, events and transactions are compared with those at the issuer, as every hour. What is safe to "
            "take over is taken over; the rest becomes a case. A worker does it, and you may leave its page."
        ),
        button=_("Sync now"),
        back=reverse("admin:issuing_syncrun_changelist"),
    )


references.register("syncrun", lambda key: reverse("admin:issuing_syncrun_change", args=[key]))
references.register("syncdifference", lambda key: reverse("admin:issuing_syncdifference_change", args=[key]))
