"""The Issuers page: the state of each issuer, and the switches read-only, fallback and breaker.

Each asks for a reason.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.admin import actor_in_words, name_actors
from issuing.errors import CardRefusedError
from issuing.models import IssuerControl, Provider
from issuing.operations import availability, balances
from issuing.operations import control as issuer_control
from issuing.operations.balances import BalanceStatus
from issuing.operations.control import IssuerStatus, configured_providers
from onecard.kit import clock, display, references
from onecard.kit.admin import ReadOnlyAdmin
from onecard.kit.confirmation_pages import Confirmation, ReasonForm, TextWidget, actor_of, ask_or_do, posted
from onecard.kit.separators import localised
from onecard.kit.words import Words

LONGEST_MINUTES = 7 * 24 * 60
BREAKER = {
    "closed": (gettext_lazy("Closed: calls go through"), "good"),
    "half_open": (gettext_lazy("Half-open: one call tries"), "warn"),
    "open": (gettext_lazy("Open: no calls"), "bad"),
    "unknown": (gettext_lazy("Unknown: Redis does not answer"), "warn"),
}
# Older notices are left to the audit trail.
NOTICE_FOR = dt.timedelta(hours=24)


class EnterForm(ReasonForm):
    """Without minutes, staff must end read-only mode."""

    minutes = forms.IntegerField(
        label=gettext_lazy("Minutes"),
        required=False,
        min_value=1,
        max_value=LONGEST_MINUTES,
        help_text=gettext_lazy("How long; empty: until somebody ends it."),
        widget=TextWidget({"inputmode": "numeric"}),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One button of the page: its text, and the domain's function that it calls."""

    title: Words
    words: Words
    done: Words
    call: Callable[..., object]
    form: type[forms.Form] = ReasonForm
    danger: bool = False


def _enter(*, provider: str, reason: str, minutes: int | None, actor: str) -> object:
    until = clock.now() + dt.timedelta(minutes=minutes) if minutes else None
    return availability.enter_read_only(provider=provider, reason=reason, actor=actor, until=until)


def _fallback(*, allowed: bool) -> Callable[..., object]:
    def call(**asked: Any) -> object:
        return issuer_control.allow_fallback(allowed=allowed, **asked)

    return call


SWITCHES = {
    "enter-read-only": Switch(
        title=gettext_lazy("Make read-only"),
        words=gettext_lazy(
            "No card is made or changed there until this ends. Purchases, reading, freezing and webhooks go on."
        ),
        done=gettext_lazy("%(issuer)s is read-only now."),
        call=_enter,
        form=EnterForm,
        danger=True,
    ),
    "leave-read-only": Switch(
        title=gettext_lazy("End read-only"),
        words=gettext_lazy(
            "Cards are made and changed there again. A breaker that is open stays so until the issuer answers."
        ),
        done=gettext_lazy("%(issuer)s takes changes again."),
        call=issuer_control.leave_read_only,
    ),
    "forbid-fallback": Switch(
        title=gettext_lazy("Forbid the fallback"),
        words=gettext_lazy("While this issuer is down, new cards wait for it instead of being made at the backup."),
        done=gettext_lazy("%(issuer)s has no fallback now."),
        call=_fallback(allowed=False),
        danger=True,
    ),
    "allow-fallback": Switch(
        title=gettext_lazy("Allow the fallback"),
        words=gettext_lazy("While this issuer is down, new cards are made at the backup."),
        done=gettext_lazy("%(issuer)s may fall back to the backup now."),
        call=_fallback(allowed=True),
    ),
    "close-breaker": Switch(
        title=gettext_lazy("Close the breaker"),
        words=gettext_lazy(
            "Calls go to the issuer again at once. If it still fails, the breaker opens again by itself."
        ),
        done=gettext_lazy("%(issuer)s is called again."),
        call=issuer_control.close_breaker,
    ),
}


@admin.register(IssuerControl)
class IssuersAdmin(ReadOnlyAdmin):
    """Its list is the Issuers page; only the switches change anything."""

    fields = (("provider", "fallback_allowed"), ("read_only", "read_only_until"), "read_only_reason")

    def get_urls(self) -> list[URLPattern]:
        switch = path(
            "of/<slug:provider>/<slug:name>/",
            self.admin_site.admin_view(self.switch),
            name="issuing_issuercontrol_switch",
        )
        return [switch, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Shows the issuers' page in the place of Django's list of rows."""
        if request.method != "GET" or not self.has_view_permission(request):
            raise PermissionDenied
        found = issuer_control.issuer_statuses()
        name_actors([entry for each in found if (entry := each.read_only_entry)])
        may_switch = may_change(request)
        at_issuers = balances.current()
        issuers = [_shown(each, at_issuers, may_switch=may_switch) for each in found]
        context = {**self.admin_site.each_context(request), "title": _("Issuers"), "issuers": issuers}
        return TemplateResponse(request, "admin/issuing/issuercontrol/issuers.html", context)

    def switch(self, request: HttpRequest, provider: str, name: str) -> HttpResponse:
        if not may_change(request):
            raise PermissionDenied
        if name not in SWITCHES or provider not in configured_providers():
            raise Http404
        switch, label = SWITCHES[name], Provider(provider).label
        confirmation = Confirmation(
            title=f"{switch.title}: {label}",
            words=switch.words,
            button=switch.title,
            back=reverse("admin:issuing_issuercontrol_changelist"),
            danger=switch.danger,
        )
        return ask_or_do(
            request,
            confirmation,
            switch.form(posted(request)),
            partial(switch.call, provider=provider, actor=actor_of(request)),
            done=str(switch.done) % {"issuer": label},
            refusals=(CardRefusedError,),
        )


def may_change(request: HttpRequest) -> bool:
    """ReadOnlyAdmin refuses Django's own forms; the switches check the permission itself."""
    return request.user.has_perm("issuing.change_issuercontrol")


def _shown(status: IssuerStatus, at_issuers: list[BalanceStatus], *, may_switch: bool) -> dict[str, Any]:
    mine = [each for each in at_issuers if each.provider == status.provider]
    available = status.availability
    is_read_only = available.read_only
    state = display.label(_("Read-only"), "bad") if is_read_only else display.label(_("Takes changes"), "good")
    return {
        "name": status.name,
        "state": state,
        "attention": is_read_only or any(each.is_low for each in mine),
        "facts": _facts(status, mine),
        "notice": _notice(status),
        "switches": _switches(status) if may_switch else [],
    }


def _facts(status: IssuerStatus, mine: list[BalanceStatus]) -> list[tuple[str, Any]]:
    available, run = status.availability, status.last_sync
    words, tone = BREAKER[available.breaker.state]
    facts: list[tuple[str, Any]] = [
        (_("Used for"), status.uses),
        (_("Breaker"), display.label(words, tone)),
        (_("Failures in a row"), available.breaker.failures),
    ]
    if available.breaker.state == "open":
        facts.append((_("Tries again in"), f"{available.breaker.retry_after_s:.0f} s"))
    if available.by:
        facts.append((_("Read-only by"), _who(status)))
        facts.append((_("Because"), available.reason))
    if available.by == "hand":
        facts.append(
            (_("Until"), display.moment(status.read_only_until) if status.read_only_until else _("Somebody ends it"))
        )
    rate = (
        _("%(calls_per_second)s a second") % {"calls_per_second": f"{status.calls_per_second:g}"}
        if status.calls_per_second
        else _("No limit")
    )
    last = display.link(references.page_of(f"syncrun:{run.pk}"), _run_in_words(run)) if run else _("None yet")
    return [
        *facts,
        *[fact for each in mine for fact in _balance(each)],
        (_("Fallback"), _("Allowed") if available.fallback_allowed else _("Forbidden")),
        (_("Calls"), rate),
        (_("Last sync"), last),
    ]


def _balance(found: BalanceStatus) -> list[tuple[str, Any]]:
    title = _("Balance") if found.pays_purchases else _("Program's reserve")
    amount = display.money(found.available_minor, found.currency)
    said = _("%(amount)s, %(age)s ago") % {"amount": amount, "age": display.age(found.read_at)}
    if not found.pays_purchases:
        return [(title, _("%(said)s; the bank settles purchases") % {"said": said})]
    if found.is_low:
        return [(title, display.label(said, "bad")), (_("Low below"), _mark(found))]
    shown = display.label(said, "warn") if found.is_stale else said
    return [(title, shown), (_("Low below"), _mark(found))]


def _mark(found: BalanceStatus) -> str:
    if not found.low_minor:
        return _("No mark: nothing was spent lately, and ISSUER_BALANCE_LOW is not set")
    mark = display.money(found.low_minor, found.currency)
    if found.days_left is None:
        return mark
    lasts = localised(f"{found.days_left:.1f}")
    return _("%(mark)s; it lasts about %(days)s days") % {"mark": mark, "days": lasts}


def _who(status: IssuerStatus) -> str:
    if status.availability.by == "breaker":
        return _("The breaker")
    entry = status.read_only_entry
    return f"{actor_in_words(entry)}, {display.moment(entry.recorded_at)}" if entry else _("Staff")


def _run_in_words(run: Any) -> str:
    return _("%(status)s, %(finished_at)s ago") % {
        "status": run.get_status_display(),
        "finished_at": display.age(run.finished_at or run.started_at),
    }


def _notice(status: IssuerStatus) -> str:
    """Returns a notice to administrators: an issuer refused our credentials within the last day."""
    entry = status.authentication_entry
    if entry is None or clock.now() - entry.recorded_at > NOTICE_FOR:
        return ""
    return f"{display.moment(entry.recorded_at)}: {entry.details.get('sentence', '')}"


def _switches(status: IssuerStatus) -> list[dict[str, Any]]:
    """Returns the switches that apply now."""
    available = status.availability
    names = [
        "leave-read-only" if available.by == "hand" else "enter-read-only",
        "forbid-fallback" if available.fallback_allowed else "allow-fallback",
        *(["close-breaker"] if available.breaker.state in ("open", "half_open") else []),
    ]
    return [
        {
            "title": SWITCHES[name].title,
            "page": reverse("admin:issuing_issuercontrol_switch", args=[status.provider, name]),
        }
        for name in names
    ]


references.register("issuercontrol", lambda _key: reverse("admin:issuing_issuercontrol_changelist"))
