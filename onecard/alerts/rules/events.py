"""The issuers' webhooks as they arrive here. The design's target is that more than 99.9 % succeed."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from django.db.models import Count, Max, Min, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy

from issuing.inbox import waiting
from issuing.issuers.stripe.foreign_events import reference_of
from issuing.models import IssuerEvent, Provider
from issuing.operations.control import configured_providers
from issuing.states import Event
from issuing.webhooks import refused_signatures
from onecard.alerts.rule import Condition, Rule, counted
from onecard.alerts.states import Severity
from onecard.kit import clock, display
from onecard.kit.confirmation_pages import change_page
from wallet.models import Case

# Of all deliveries so many may fail.
TARGET: Final = 0.001
# Refused signatures are counted by the hour: this one and the last.
HOURS: Final = 2
# Fewer come from strangers who try our doors.
FEWEST_REFUSED: Final = 5
# Fewer are single events that each have a case of their own.
FEWEST_FAILING: Final = 3
# Of the newest events so many are looked through, which bounds the rule's cost.
LOOKED_THROUGH: Final = 10_000


def refused_deliveries() -> Iterator[Condition]:
    """Deliveries with a wrong signature or password, against the genuine ones of the same time."""
    for provider in configured_providers():
        refused = refused_signatures.of_hours(provider, HOURS)
        if provider == Provider.MOCK or refused is None or refused.count < FEWEST_REFUSED:
            continue
        genuine = _newest(provider, HOURS).count()
        if refused.count > TARGET * (refused.count + genuine):
            yield Condition(
                # Without a genuine one the issuer itself is turned away, and it answers purchases in our place.
                severity=Severity.WARNING if genuine else Severity.CRITICAL,
                summary=f"{Provider(provider).label}: {refused.count} deliveries had a wrong signature or password "
                f"within {HOURS} hours, and {genuine} a right one.",
                key=provider,
                page=reverse("desk:health"),
            )


def failing_events() -> Iterator[Condition]:
    """Genuine events of an hour that were rejected, or whose application failed."""
    for provider in configured_providers():
        failed = Q(status=Event.REJECTED) | Q(status=Event.RECEIVED, attempts__gt=0)
        found = _newest(provider, 1).aggregate(count=Count("pk"), failing=Count("pk", filter=failed))
        if found["failing"] >= FEWEST_FAILING and found["failing"] > TARGET * found["count"]:
            yield Condition(
                severity=Severity.CRITICAL,
                summary=f"{Provider(provider).label}: of {found['count']} events within an hour {found['failing']} "
                f"could not be applied; the target is under {TARGET:.1%}.",
                key=provider,
                page=f"{_inbox()}?provider__exact={provider}",
            )


def waiting_events() -> Iterator[Condition]:
    """Events that should be handled by now, from the partial index event_waiting."""
    stuck = waiting.stuck(clock.now()).aggregate(count=Count("pk"), since=Min("received_at"))
    if stuck["count"]:
        yield Condition(
            severity=Severity.CRITICAL,
            summary=f"{counted(stuck['count'], 'event', 'events')} of the issuers should be handled by now, the oldest "
            f"for {display.age(stuck['since'])}: captures and refunds are not booked.",
            page=f"{_inbox()}?status__exact={Event.RECEIVED}",
        )


def foreign_events() -> Iterator[Condition]:
    """Events of another mode, account or version, by the case that is open for each of these reasons."""
    references = [reference_of(why) for why in ("event_of_other_mode", "event_of_other_account")]
    references.append(reference_of("event_of_other_version"))
    about = Case.objects.filter(kind=Case.Kind.EVENT_CONTRADICTION, status=Case.Status.OPEN, reference__in=references)
    for case in about:
        yield Condition(severity=Severity.CRITICAL, summary=case.summary, key=case.reference, page=change_page(case))


def _newest(provider: str, hours: int) -> "QuerySet[IssuerEvent]":
    newest = IssuerEvent.objects.aggregate(newest=Max("pk"))["newest"] or 0
    since = clock.now() - dt.timedelta(hours=hours)
    return IssuerEvent.objects.filter(pk__gt=newest - LOOKED_THROUGH, provider=provider, received_at__gt=since)


def _inbox() -> str:
    return reverse("admin:issuing_issuerevent_changelist")


SIGNATURES: Final = Rule(
    kind="webhook_signatures",
    label=gettext_lazy("Webhooks are refused for their signature"),
    to_do=gettext_lazy(
        "Compare the webhook's secret or password at the issuer with ours. While no genuine delivery comes, the "
        "issuer answers purchases in our place."
    ),
    measure=refused_deliveries,
)
FAILING: Final = Rule(
    kind="webhook_events",
    label=gettext_lazy("Events of an issuer cannot be applied"),
    to_do=gettext_lazy("Open the events and read their reasons. Mend what they name, then send them through again."),
    measure=failing_events,
)
WAITING: Final = Rule(
    kind="inbox_waits",
    label=gettext_lazy("Events of the issuers are not handled"),
    to_do=gettext_lazy("See that the workers and the clock run; the worker's log says why an event fails."),
    measure=waiting_events,
)
FOREIGN: Final = Rule(
    kind="events_refused",
    label=gettext_lazy("Events of another mode, account or version are refused"),
    to_do=gettext_lazy(
        "Correct the setting that the case names, run manage.py take_events_again, and resolve the case."
    ),
    measure=foreign_events,
)
