"""The issuers and what we know of them: last webhook, refused signatures, breaker, budget, last sync."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from django.conf import settings
from django.db.models import Max
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from issuing.issuers.guard.rate_budget import Budget
from issuing.issuers.guard.redis_scripts import shared
from issuing.models import IssuerEvent, Provider, SyncRun
from issuing.operations import availability
from issuing.operations import balances as issuer_balances
from issuing.operations.control import configured_providers
from issuing.states import Sync
from issuing.webhooks import refused_signatures
from onecard.desk.health.item import Item, State
from onecard.kit import clock, display
from onecard.kit.confirmation_pages import change_page
from onecard.kit.separators import localised

# Of the newest events so many are looked through for the last one of an issuer.
LOOKED_THROUGH: Final = 5000
SYNC_LATE_AFTER: Final = dt.timedelta(hours=2)
BUDGET_TIGHT_S: Final = 5.0


def last_webhooks() -> Iterator[Item]:
    """The newest delivery of each issuer that is in use."""
    for provider in _real():
        event = _newest_event(provider)
        measured = (
            _("It came %(age)s ago.") % {"age": display.age(event.received_at)}
            if event
            else _("There is none among the last %(count)s events.") % {"count": LOOKED_THROUGH}
        )
        yield Item(
            name=_("Last webhook of %(issuer)s") % {"issuer": Provider(provider).label},
            state="good" if event else "warn",
            measured=measured,
            to_do=_(
                "If purchases are made, see in the issuer's dashboard whether its webhook is enabled, and where to."
            ),
            page=f"{reverse('admin:issuing_issuerevent_changelist')}?provider__exact={provider}",
        )


def signatures() -> Iterator[Item]:
    """What was refused within a day because its signature or password was wrong."""
    for provider in _real():
        refused = refused_signatures.of_a_day(provider)
        if refused is None:
            state: State = "warn"
            measured = _("It cannot be counted: Redis does not answer.")
        else:
            genuine = _newest_event(provider)
            state = "bad" if refused.count else "good" if genuine else "warn"
            words = ngettext("%(count)s was refused in 24 hours", "%(count)s were refused in 24 hours", refused.count)
            measured = words % {"count": refused.count}
            if refused.count and refused.last_at:
                measured += _(", the last one %(age)s ago") % {"age": display.age(refused.last_at)}
            measured += ". " + (
                _("A genuine one came %(age)s ago.") % {"age": display.age(genuine.received_at)}
                if genuine
                else _("No genuine one has come yet.")
            )
        yield Item(
            name=_("Signature verification of %(issuer)s") % {"issuer": Provider(provider).label},
            state=state,
            measured=measured,
            to_do=_("Compare the webhook's secret or password at the issuer with ours. It may also be a stranger."),
        )


def breakers() -> Iterator[Item]:
    """Whether cards can be made and changed at each issuer now."""
    for provider in configured_providers():
        found = availability.of(provider)
        state: State = "bad" if found.read_only else "good" if found.breaker.state == "closed" else "warn"
        measured = found.reason if found.read_only else _WORDS.get(found.breaker.state, "")
        yield Item(
            name=_("Breaker of %(issuer)s") % {"issuer": Provider(provider).label},
            state=state,
            measured=str(measured) or _("Calls go through."),
            to_do=_(
                "The issuer or the way to it fails. Purchases go on. See its status page; the breaker closes by itself."
            ),
            page=reverse("admin:issuing_issuercontrol_changelist"),
        )


def budgets() -> Iterator[Item]:
    """How long the next call to each issuer waits for its turn within our own limit."""
    limits = {"stripe": settings.STRIPE_CALLS_PER_SECOND, "marqeta": settings.MARQETA_CALLS_PER_SECOND}
    for provider in configured_providers():
        per_second = float(limits.get(provider, 0))
        backlog_s = Budget(provider, shared(), per_second).backlog_s()
        if backlog_s is None:
            measured = _("It has no limit.") if not per_second else _("It cannot be measured: Redis does not answer.")
        else:
            measured = _("The next of %(rate)s calls a second waits %(wait)s s.") % {
                "rate": f"{per_second:g}",
                "wait": localised(f"{backlog_s:.1f}"),
            }
        is_tight = backlog_s is not None and backlog_s > BUDGET_TIGHT_S
        yield Item(
            name=_("Call budget of %(issuer)s") % {"issuer": Provider(provider).label},
            state="warn" if is_tight or (backlog_s is None and per_second) else "good",
            measured=measured,
            to_do=_("Too much is asked of the issuer at once: let imports and syncs wait, or have the limit raised."),
        )


def balances() -> Iterator[Item]:
    """What purchases can still take from our balance at each issuer that pays them from one."""
    for each in issuer_balances.current():
        if not each.pays_purchases:
            continue
        measured = _("%(amount)s, read %(age)s ago.") % {
            "amount": display.money(each.available_minor, each.currency),
            "age": display.age(each.read_at),
        }
        if each.days_left is not None:
            measured += " " + _("It lasts about %(days)s days.") % {"days": localised(f"{each.days_left:.1f}")}
        yield Item(
            name=_("Balance at %(issuer)s in %(currency)s")
            % {"issuer": Provider(each.provider).label, "currency": each.currency},
            state="bad" if each.is_low else "warn" if each.is_stale else "good",
            measured=measured,
            to_do=_("Top it up in the issuer's dashboard: when it is empty, every purchase is declined without us.")
            if each.is_low
            else _("See that workers and clock run, and whether the issuer answers."),
            page=reverse("admin:issuing_issuercontrol_changelist"),
        )


def syncs() -> Iterator[Item]:
    """The last comparison with each issuer that came to its end, and why one stands still."""
    for provider in _real():
        runs = SyncRun.objects.filter(provider=provider)
        last = runs.filter(status=Sync.FINISHED).first()
        running = runs.filter(status=Sync.RUNNING).first()
        at = last.finished_at if last else None
        problem = running.problem if running else ""
        is_late = at is None or clock.now() - at > SYNC_LATE_AFTER
        measured = _("It ended %(age)s ago.") % {"age": display.age(at)} if at else _("None has come to its end yet.")
        shown = running or last
        yield Item(
            name=_("Last sync with %(issuer)s") % {"issuer": Provider(provider).label},
            state="bad" if problem else "warn" if is_late else "good",
            measured=f"{measured} {problem}".strip(),
            to_do=_("See that workers and clock run, and what the comparison's page says; press “Sync now”."),
            page=change_page(shown) if shown else reverse("admin:issuing_syncrun_changelist"),
        )


def _newest_event(provider: str) -> IssuerEvent | None:
    newest = IssuerEvent.objects.aggregate(newest=Max("pk"))["newest"] or 0
    recent = IssuerEvent.objects.filter(pk__gt=newest - LOOKED_THROUGH, provider=provider)
    return recent.only("received_at").order_by("-pk").first()


def _real() -> list[str]:
    """Returns the configured issuers that keep something and send webhooks."""
    return [provider for provider in configured_providers() if provider != Provider.MOCK]


_WORDS = {"half_open": "One call tries whether the issuer answers again.", "unknown": "Redis does not answer."}
