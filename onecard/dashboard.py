"""The first page of the back office: how today goes, and what waits."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.db.models import Count, Min, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from issuing.admin import purchase_lines
from issuing.admin.authorizations import AuthorizationAdmin
from issuing.authorizations import failed_answers
from issuing.inbox import waiting as inbox
from issuing.models import Authorization, Provider, PurchaseHour
from issuing.operations import control as issuer_control
from issuing.operations.availability import Availability
from onecard.alerts import incidents
from onecard.alerts.states import Severity, Status
from onecard.desk.home import page as home
from onecard.desk.home.purchases import list_page
from onecard.kit import clock, display
from onecard.outbox.models import Message
from wallet.models import Case
from wallet.obligations.uncharged import oldest_uncharged

LATEST = 8
MOST_ALERTS = 20
# Older than this, something that should take seconds is stuck.
STUCK_AFTER = dt.timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Tile:
    """One number with what it means, and the page behind it."""

    title: str
    value: str
    note: str
    page: str
    tone: str = "neutral"


def add_overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the index page shows of the rooms that this person may enter."""
    may_view = {
        name: request.user.has_perm(f"{app}.view_{name}")
        for app, name in (("issuing", "authorization"), ("wallet", "case"), ("wallet", "fundingobligation"))
    }
    read_only = issuer_control.read_only_issuers() if request.user.has_perm("issuing.view_issuercontrol") else None
    tiles = [
        *([*_decision_tiles(), _answer_tile()] if may_view["authorization"] else []),
        *([_case_tile()] if may_view["case"] else []),
        *([_uncharged_tile()] if may_view["fundingobligation"] else []),
        *([_issuer_tile(read_only)] if read_only is not None else []),
        *([_alert_tile()] if request.user.has_perm("alerts.view_incident") else []),
        *([_outbox_tile()] if request.user.has_perm("outbox.view_message") else []),
        *([_inbox_tile()] if request.user.has_perm("issuing.view_issuerevent") else []),
    ]
    latest = _latest(request) if may_view["authorization"] else None
    banners = [_banner(issuer) for issuer in read_only or []]
    shown = {"title": _("Overview"), "tiles": tiles, "latest": latest, "banners": banners}
    return context | shown | {"home": home.sections(request)}


def kind_of_money(request: HttpRequest) -> list[str] | None:
    """The badge in the header: test money must not be taken for real money, nor the other way round."""
    return [_("Live money"), "danger"] if "_live_" in settings.STRIPE_API_KEY else [_("Test money"), "info"]


def _decision_tiles() -> list[Tile]:
    """Counts the purchases that began since midnight, from the hourly sums; each list shows exactly these."""
    now = clock.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    today = PurchaseHour.objects.filter(hour_at__gte=midnight).order_by().values_list("outcome")
    counts = dict(today.annotate(count=Sum("purchases")))
    outcomes = PurchaseHour.Outcome
    titles = {
        outcomes.APPROVED: _("Approved today"),
        outcomes.DECLINED: _("Declined by us today"),
        outcomes.DECLINED_BY_ISSUER: _("Declined by the issuer today"),
    }
    return [
        Tile(
            titles[outcome],
            str(counts.get(outcome, 0)),
            _("Since midnight UTC"),
            list_page(midnight, midnight + dt.timedelta(days=1), outcome=outcome),
            "good" if outcome == outcomes.APPROVED else "neutral",
        )
        for outcome in outcomes
    ]


def _answer_tile() -> Tile:
    """Counts today's purchases that got no answer of ours that counts: each is a fault of ours or of the line."""
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    tomorrow = midnight + dt.timedelta(days=1)
    today = Authorization.objects.filter(created_at__gte=midnight, created_at__lt=tomorrow)
    count, page = failed_answers.failed(today).count(), list_page(midnight, tomorrow, answer="failed")
    if not count:
        return Tile(_("Failed answers today"), "0", _("Every purchase got its answer"), page, "good")
    note = _("Time-outs and errors of ours; a case is open")
    return Tile(_("Failed answers today"), str(count), note, page, "bad")


def _alert_tile() -> Tile:
    """Counts what somebody on duty has to look at; one incident shows its name."""
    page = f"{reverse('admin:alerts_incident_changelist')}?{urlencode({'status__exact': Status.OPEN})}"
    found = list(incidents.unresolved().order_by("-pk")[:MOST_ALERTS])
    if not found:
        page = reverse("admin:alerts_incident_changelist")
        return Tile(_("Alerts"), "0", _("No rule finds anything wrong"), page, "good")
    opened = [each for each in found if each.status == Status.OPEN]
    if not opened:
        page = reverse("admin:alerts_incident_changelist")
    tone = "bad" if any(each.severity == Severity.CRITICAL for each in opened) else "warn"
    count = f"{len(found)}+" if len(found) == MOST_ALERTS else str(len(found))
    return Tile(_("Alerts"), count, str((opened or found)[0]), page, tone)


def _case_tile() -> Tile:
    page = f"{reverse('admin:wallet_case_changelist')}?status__exact=open"
    stakes = Case.objects.filter(status=Case.Status.OPEN).order_by("currency").values("currency")
    rows = list(stakes.annotate(cases=Count("pk"), total=Sum("amount_minor")))
    if not rows:
        return Tile(_("Open cases"), "0", _("Nothing needs a person"), page, "good")
    at_stake = ", ".join(display.money(row["total"], row["currency"]) for row in rows)
    return Tile(
        _("Open cases"),
        str(sum(row["cases"] for row in rows)),
        _("%(at_stake)s at stake") % {"at_stake": at_stake},
        page,
        "bad",
    )


def _uncharged_tile() -> Tile:
    page = reverse("admin:wallet_fundingobligation_changelist")
    oldest = oldest_uncharged()
    if oldest is None:
        return Tile(_("Oldest uncharged approval"), _("None"), _("Every approval is paid for"), page, "good")
    tone = "bad" if clock.now() - oldest.created_at > STUCK_AFTER else "info"
    page = reverse("admin:wallet_fundingobligation_change", args=[oldest.pk])
    return Tile(
        _("Oldest uncharged approval"),
        display.age(oldest.created_at),
        f"{oldest.payable!s}, {oldest.description}",
        page,
        tone,
    )


def _issuer_tile(read_only: list[Availability]) -> Tile:
    page = reverse("admin:issuing_issuercontrol_changelist")
    if not read_only:
        return Tile(_("Issuers"), _("All open"), _("Cards can be made and changed"), page, "good")
    names = ", ".join(str(Provider(issuer.provider).label) for issuer in read_only)
    return Tile(_("Issuers"), _("%(count)s read-only") % {"count": len(read_only)}, names, page, "bad")


def _banner(issuer: Availability) -> dict[str, str]:
    """What whoever opens the first page must know of an issuer that takes no changes."""
    sentence = (
        _("%(name)s is read-only by hand: %(reason)s. Purchases go on.")
        if issuer.by == "hand"
        else _("%(name)s is read-only by its breaker, which is open: %(reason)s. Purchases go on.")
    )
    name = Provider(issuer.provider).label
    return {
        "words": sentence % {"name": name, "reason": issuer.reason.rstrip(".")},
        "page": reverse("admin:issuing_issuercontrol_changelist"),
    }


def _outbox_tile() -> Tile:
    waiting = Message.objects.filter(published_at__isnull=True).aggregate(count=Count("pk"), since=Min("created_at"))
    page = f"{reverse('admin:outbox_message_changelist')}?state=waiting"
    is_stuck = bool(waiting["count"]) and clock.now() - waiting["since"] > STUCK_AFTER
    return _queue_tile(_("Outbox waiting"), waiting, _("the relay (make run starts it)"), page, is_stuck=is_stuck)


def _inbox_tile() -> Tile:
    waiting = inbox.waiting().aggregate(count=Count("pk"), since=Min("received_at"))
    is_stuck = inbox.stuck(clock.now()).exists()
    page = f"{reverse('admin:issuing_issuerevent_changelist')}?status__exact=received"
    return _queue_tile(_("Inbox waiting"), waiting, _("the worker (make run starts it)"), page, is_stuck=is_stuck)


def _queue_tile(title: str, waiting: dict[str, Any], server: str, page: str, *, is_stuck: bool) -> Tile:
    if not waiting["count"]:
        return Tile(title, "0", _("Nothing waits"), page, "good")
    if is_stuck:
        note = _("The oldest for %(since)s: check %(server)s") % {
            "since": display.age(waiting["since"]),
            "server": server,
        }
        return Tile(title, str(waiting["count"]), note, page, "bad")
    return Tile(
        title,
        str(waiting["count"]),
        _("The oldest for %(since)s") % {"since": display.age(waiting["since"])},
        page,
        "info",
    )


def _latest(request: HttpRequest) -> list[dict[str, Any]]:
    room = AuthorizationAdmin(Authorization, admin.site)
    purchases = list(room.get_queryset(request).order_by("-pk")[:LATEST])
    purchase_lines.attach(purchases)
    return [
        {
            "page": reverse("admin:issuing_authorization_change", args=[purchase.pk]),
            "when": room.when(purchase),
            "merchant": room.merchant(purchase),
            "amount": room.amount(purchase),
            "state": room.state(purchase),
            "paid_by": room.paid_by(purchase),
        }
        for purchase in purchases
    ]
