"""Incidents in the back office: open ones first, each with what to do, its history, and the button that takes it."""

from functools import partial
from typing import Any, Final, cast

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.admin import actor_in_words, name_actors
from audit.models import Entry
from onecard.alerts import incidents, messages
from onecard.alerts.models import AlertMessage, Incident
from onecard.alerts.registry import rule_of
from onecard.alerts.states import Sending, Severity, Status
from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin
from onecard.kit.confirmation_pages import AreaWidget, Confirmation, ask_or_do, change_page, posted, turn_away
from onecard.kit.words import Words
from onecard.users.models import User

TONE: Final[dict[str, str]] = {Status.OPEN: "bad", Status.ACKNOWLEDGED: "warn", Status.RESOLVED: "good"}
SEVERITY_TONE: Final[dict[str, str]] = {Severity.CRITICAL: "bad", Severity.WARNING: "warn"}
SENDING_TONE: Final[dict[str, str]] = {Sending.WAITING: "warn", Sending.SENDING: "info", Sending.SENT: "good"}
MAY_ACKNOWLEDGE: Final = "alerts.acknowledge_incident"
MOVES_IN_WORDS: Final[dict[str, Words]] = {
    "incident.opened": gettext_lazy("Opened"),
    "incident.acknowledged": gettext_lazy("Acknowledged"),
    "incident.resolved": gettext_lazy("Resolved: its cause is gone"),
}


class NoteForm(forms.Form):
    """What whoever takes the incident wants the others to know."""

    note = forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        max_length=300,
        widget=AreaWidget({"rows": 3}),
        help_text=gettext_lazy("What you found out, or what you do. Others read it here."),
    )


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    """Incidents; a rule opens and resolves them, a person only acknowledges."""

    ordering = (F("resolved_at").desc(nulls_first=True), "-status", "-id")
    list_display = ("what", "state", "how_soon", "now", "age", "who")
    list_filter = ("status", "severity", "opened_at")
    list_select_related = ("acknowledged_by",)
    search_fields = ("kind", "key", "summary")
    search_help_text = gettext_lazy("Words of the summary, or the issuer")
    nothing_yet = gettext_lazy(
        "Nothing has been wrong yet. Rules measure every half minute, and what they find opens an incident here. See "
        "that it reaches you: “manage.py send_test_alert” sends a mail and a webhook to those who are on duty."
    )
    fields = ("summary",)
    change_form_template = "admin/alerts/incident/page.html"

    def get_urls(self) -> list[URLPattern]:
        acknowledge = path(
            "<int:pk>/acknowledge/",
            self.admin_site.admin_view(self.acknowledge_page),
            name="alerts_incident_acknowledge",
        )
        return [acknowledge, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        if not isinstance(row, Incident) or request.method != "GET" or not self.has_view_permission(request, row):
            return super().change_view(request, object_id, form_url, extra_context)
        shown = {"title": str(row), **_shown(self, request, row)}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | shown)

    def acknowledge_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asks for a note, and notes that this person works on the incident."""
        row = self.get_object(request, str(pk))
        if not isinstance(row, Incident):
            raise Http404
        if not request.user.has_perm(MAY_ACKNOWLEDGE) or not self.has_view_permission(request, row):
            raise PermissionDenied
        if row.status != Status.OPEN:
            return turn_away(request, _("Somebody has acknowledged it, or its cause is gone."), change_page(row))
        page = Confirmation(
            title=_("Acknowledge: %(incident)s") % {"incident": str(row)},
            words=_("Others then see that you work on it. It ends by itself when its cause is gone."),
            button=_("Acknowledge it"),
            back=change_page(row),
            facts=((_("What is wrong"), row.latest), (_("Opened"), display.moment(row.opened_at))),
        )
        call = partial(incidents.acknowledge, row, user=cast("User", request.user))
        return ask_or_do(request, page, NoteForm(posted(request)), call, done=_("You have acknowledged it."), row=row)

    @admin.display(description=gettext_lazy("What"), ordering="kind")
    def what(self, row: Incident) -> str:
        return str(row)

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def state(self, row: Incident) -> SafeString:
        return display.label(row.get_status_display(), TONE.get(row.status, "neutral"))

    @admin.display(description=gettext_lazy("Severity"), ordering="severity")
    def how_soon(self, row: Incident) -> SafeString:
        tone = "neutral" if row.status == Status.RESOLVED else SEVERITY_TONE.get(row.severity, "neutral")
        return display.label(row.get_severity_display(), tone)

    @admin.display(description=gettext_lazy("Measured last"))
    def now(self, row: Incident) -> str:
        return row.latest

    @admin.display(description=gettext_lazy("Age"), ordering="opened_at")
    def age(self, row: Incident) -> str:
        if row.resolved_at is None:
            return display.age(row.opened_at)
        return _("Took %(time)s") % {"time": display.span((row.resolved_at - row.opened_at).total_seconds())}

    @admin.display(description=gettext_lazy("Acknowledged by"))
    def who(self, row: Incident) -> str:
        return row.acknowledged_by.get_username() if row.acknowledged_by else display.NOTHING


def unresolved_badge(_request: HttpRequest) -> str:
    """Returns the number beside Alerts in the sidebar."""
    return str(incidents.unresolved().count())


def _shown(model_admin: IncidentAdmin, request: HttpRequest, row: Incident) -> dict[str, Any]:
    rule = rule_of(row.kind)
    may = row.status == Status.OPEN and request.user.has_perm(MAY_ACKNOWLEDGE)
    return {
        "incident": row,
        "state": model_admin.state(row),
        "severity": model_admin.how_soon(row),
        "to_do": rule.to_do if rule else _("Nothing: this version has no such rule any more, so it ends by itself."),
        "facts": _facts(row),
        "acknowledge_page": reverse("admin:alerts_incident_acknowledge", args=[row.pk]) if may else "",
        "sent": [_message(each) for each in row.messages.all()],
        "history": _history(row),
    }


def _facts(row: Incident) -> list[tuple[str, Any]]:
    facts = (
        (_("At first"), row.summary if row.summary != row.latest else ""),
        (_("Opened"), display.moment(row.opened_at)),
        (_("Measured last"), display.moment(row.measured_at)),
        (_("Its cause is gone since"), display.moment(row.clear_since) if row.clear_since else ""),
        (_("Acknowledged by"), row.acknowledged_by.get_username() if row.acknowledged_by else ""),
        (_("Note"), row.note),
        (_("Resolved"), display.moment(row.resolved_at) if row.resolved_at else ""),
        (_("Runbook"), _runbook(row)),
    )
    return [(name, value) for name, value in facts if value]


def _runbook(row: Incident) -> SafeString:
    """Links the section where the runbook can be read in a browser; else names the file."""
    place = messages.runbook_of(row)
    return display.link(place, place) if settings.ALERTS.runbook_url else format_html("<code>{}</code>", place)


def _message(row: AlertMessage) -> dict[str, Any]:
    return {
        "channel": row.get_channel_display(),
        "to": messages.receiver_of(row),
        "occasion": row.get_occasion_display(),
        "state": display.label(row.get_status_display(), SENDING_TONE.get(row.status, "bad")),
        "row": row,
    }


def _history(row: Incident) -> list[dict[str, Any]]:
    entries = list(Entry.objects.filter(subject_type="incident", subject_id=str(row.pk)).order_by("pk"))
    name_actors(entries)
    return [
        {
            "entry": each,
            "who": _("The rule") if each.actor == incidents.ACTOR else actor_in_words(each),
            "words": MOVES_IN_WORDS.get(each.action, each.action),
            "reason": each.details.get("note", ""),
        }
        for each in entries
    ]


references.register("incident", lambda key: reverse("admin:alerts_incident_change", args=[key]))
