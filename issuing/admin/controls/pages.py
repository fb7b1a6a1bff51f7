"""The list of controls with their state and hits, and the page of one: versions, previews, whom it leaves out."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from issuing import states
from issuing.admin.controls import people, sentences
from issuing.admin.controls.buttons import ControlButtons
from issuing.backtest.controls.asking import tried_of
from issuing.controls import report
from issuing.models import Control, ControlPreview, ControlVersion, VirtualCard
from onecard.kit import clock, display, references
from onecard.kit.admin import ReadOnlyAdmin, ReadOnlyInline
from onecard.kit.confirmation_pages import change_page
from onecard.second_factor import second_people
from wallet.admin.person_link import person_link
from wallet.models import Cardholder

State = states.ControlState
TONE: Final[dict[str, str]] = {State.DRAFT: "warn", State.SHADOW: "info", State.ACTIVE: "good", State.OFF: "neutral"}
WEEK: Final = dt.timedelta(days=7)
MOST_NAMED: Final = 20


class VersionsInline(ReadOnlyInline):
    """What a control did and does, the newest version first."""

    model = ControlVersion
    fields = ("number_of", "state_of", "does", "declines_with", "written", "published", "ended")
    readonly_fields = fields
    per_page = 25
    ordering = ("-number",)
    verbose_name_plural = gettext_lazy("Versions")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees a control sees what it does."""
        return request.user.has_perm("issuing.view_control")

    @admin.display(description=gettext_lazy("Version"))
    def number_of(self, version: ControlVersion) -> int:
        return version.number

    @admin.display(description=gettext_lazy("State"))
    def state_of(self, version: ControlVersion) -> SafeString:
        return display.label(version.get_state_display(), TONE[version.state])

    @admin.display(description=gettext_lazy("What it does"))
    def does(self, version: ControlVersion) -> SafeString:
        return format_html_join("", "<p>{}</p>", ((line,) for line in sentences.in_sentences(version.definition)))

    @admin.display(description=gettext_lazy("Declines with"))
    def declines_with(self, version: ControlVersion) -> SafeString:
        return format_html("<code>{}</code> {}", version.reason_code, version.sentence)

    @admin.display(description=gettext_lazy("Written"))
    def written(self, version: ControlVersion) -> str:
        return f"{people.named(version.author)}, {display.moment(version.changed_at)}"

    @admin.display(description=gettext_lazy("Published"))
    def published(self, version: ControlVersion) -> str:
        if version.activated_at is None:
            return display.NOTHING
        return f"{people.named(version.publisher)}, {display.moment(version.activated_at)}"

    @admin.display(description=gettext_lazy("Ended"))
    def ended(self, version: ControlVersion) -> str:
        return display.moment(version.ended_at)


@admin.register(Control)
class ControlAdmin(ControlButtons, ReadOnlyAdmin):
    """Controls change by their buttons alone: what they do is in versions that a second person puts into force."""

    inlines = (VersionsInline,)
    list_display = ("name", "state", "applies_to", "does", "hits_today", "hits_of_week")
    list_filter = ("scope", "origin")
    list_select_related = ("cardholder", "card")
    search_fields = ("name",)
    search_help_text = gettext_lazy("Name")
    nothing_yet = gettext_lazy("Press “New control”: you choose what is compared and counted, and preview it first.")
    fields = (
        ("name", "origin"),
        ("state", "applies_to"),
        ("hits_today", "hits_of_week"),
        "left_out",
        "report",
        "shown_previews",
        "who_may_publish",
    )

    def prepare_rows(self, rows: Sequence[Control]) -> None:
        """Reads the versions and the hits of a page at once."""
        keys = [row.pk for row in rows]
        now = clock.now()
        today = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        hits = report.recent_hits(keys, today=today, week=now - WEEK)
        found: dict[int, list[ControlVersion]] = {key: [] for key in keys}
        for version in ControlVersion.objects.filter(control__in=keys).order_by("-number"):
            found[version.control_id].append(version)
        for row in rows:
            row.shown_versions, row.shown_hits = found[row.pk], hits.get(row.pk, (0, 0))  # type: ignore[attr-defined]

    @admin.display(description=gettext_lazy("State"))
    def state(self, control: Control) -> SafeString:
        """The versions that count or wait; of a control without one, that it is off."""
        live = [each for each in self._versions(control) if each.state != State.OFF]
        labels = [_state_of(each) for each in live] or [display.label(State.OFF.label, TONE[State.OFF])]
        return format_html_join(" ", "{}", ((each,) for each in labels))

    @admin.display(description=gettext_lazy("Applies to"))
    def applies_to(self, control: Control) -> Any:
        if control.card is not None:
            return display.link(change_page(control.card), control.card)
        return person_link(control.cardholder) if control.cardholder is not None else control.get_scope_display()

    @admin.display(description=gettext_lazy("What it does"))
    def does(self, control: Control) -> str:
        shown = next((each for each in self._versions(control) if each.state == State.ACTIVE), None)
        shown = shown or next(iter(self._versions(control)), None)
        return " ".join(sentences.in_sentences(shown.definition)) if shown else display.NOTHING

    @admin.display(description=gettext_lazy("Hits today (UTC)"))
    def hits_today(self, control: Control) -> str:
        return _counted(self._hits(control)[0])

    @admin.display(description=gettext_lazy("Hits of 7 days"))
    def hits_of_week(self, control: Control) -> str:
        return _counted(self._hits(control)[1])

    @admin.display(description=gettext_lazy("Leaves out"))
    def left_out(self, control: Control) -> Any:
        cards = VirtualCard.objects.filter(pk__in=control.excluded_card_ids[:MOST_NAMED]).order_by("pk")
        holders = Cardholder.objects.filter(pk__in=control.excluded_cardholder_ids[:MOST_NAMED]).order_by("pk")
        named = [*(display.link(change_page(each), each) for each in cards), *map(person_link, holders)]
        more = len(control.excluded_card_ids) + len(control.excluded_cardholder_ids) - len(named)
        named += [_("and %(count)s more") % {"count": more}] if more > 0 else []
        return format_html_join(", ", "{}", ((each,) for each in named)) or _("Nobody.")

    @admin.display(description=gettext_lazy("Report"))
    def report(self, control: Control) -> SafeString:
        return display.link(reverse("desk:control-report", args=[control.pk]), _("Hits, amounts and cases by day"))

    @admin.display(description=gettext_lazy("Previews"))
    def shown_previews(self, control: Control) -> Any:
        found = ControlPreview.objects.filter(version__control=control).select_related("version__control")[:5]
        lines = format_html_join("", "<p>{}</p>", ((preview_link(each),) for each in found))
        return lines or _("None yet. Press “Preview” to see what it would have done to the purchases of the last days.")

    @admin.display(description=gettext_lazy("Who may publish it"))
    def who_may_publish(self, control: Control) -> str:
        version = waiting_version(control)
        if version is None:
            return display.NOTHING
        author = people.author_of(version)
        anybody = _("Anybody with the permission but %(name)s, who wrote it.") % {"name": people.named(version.author)}
        besides = [author] if author else []
        return f"{anybody} {second_people.in_words(people.PUBLISHES, besides=besides)}"

    def _versions(self, control: Control) -> list[ControlVersion]:
        if not hasattr(control, "shown_versions"):
            self.prepare_rows([control])
        return control.shown_versions  # type: ignore[attr-defined,no-any-return]

    def _hits(self, control: Control) -> tuple[int, int]:
        self._versions(control)
        return control.shown_hits  # type: ignore[attr-defined,no-any-return]


def waiting_version(control: Control) -> ControlVersion | None:
    """Returns the version that waits for a second person: the one in shadow, else the draft."""
    rows = control.versions.filter(state__in=(State.SHADOW, State.DRAFT)).order_by("-number")
    found = {each.state: each for each in reversed(rows)}
    return found.get(State.SHADOW) or found.get(State.DRAFT)


def preview_link(preview: ControlPreview) -> SafeString:
    """Returns a preview with what it found, and that it is of an earlier state of its version where it is."""
    said = ngettext(
        "%(state)s: %(hits)s hit, of the last %(days)s days", "%(state)s: %(hits)s hits, of the last %(days)s days",
        preview.hits,
    ) % {"state": preview.get_status_display(), "hits": f"{preview.hits:,}", "days": preview.days}  # fmt: skip
    link = display.link(change_page(preview), said)
    if tried_of(preview.version) == preview.tried:
        return link
    return format_html("{} {}", link, display.label(_("of an earlier state"), "neutral"))


def _state_of(version: ControlVersion) -> SafeString:
    words = {"state": version.get_state_display(), "number": version.number}
    return display.label(_("%(state)s, version %(number)s") % words, TONE[version.state])


def _counted(hits: int) -> str:
    return f"{hits:,}" if hits < report.MOST_COUNTED else _("%(count)s or more") % {"count": f"{hits:,}"}


references.register("control", lambda key: reverse("admin:issuing_control_change", args=[key]))
