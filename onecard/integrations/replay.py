"""Sending events again: one delivery, or all of an endpoint since a time. Each keeps its id and its body."""

import datetime as dt
from collections.abc import Iterator

from django.db.models import Exists, OuterRef, QuerySet

from audit import trail
from onecard.integrations import endpoints, events, retention, switching
from onecard.integrations.models import Delivery, Endpoint, Event
from onecard.integrations.types import EVERY, EventType
from onecard.kit import clock
from onecard.kit.transactions import transaction
from onecard.outbox import services as outbox

Status = Delivery.Status


def again(delivery: Delivery, *, actor: str, reason: str = "") -> Delivery:
    """Sends one delivery again, now and for three days; raises EndpointOffError.

    One that is being sent or waits is only made due now.
    """
    with transaction():
        endpoint = switching.locked(delivery.endpoint_id)
        endpoints.refuse_if_off(endpoint)
        _begin(endpoint, delivery.pk)
        trail.record(
            actor=actor, action="webhook_delivery.replayed", subject=delivery, endpoint=endpoint.pk, reason=reason
        )
    delivery.refresh_from_db()
    return delivery


def found(endpoint: Endpoint, *, since: dt.datetime, only_missed: bool) -> "QuerySet[Event]":
    """Returns the events since a time that `replay` would send to an endpoint, the oldest first.

    `only_missed` leaves out what it has taken, also before an earlier replay. Tests are left out.
    """
    kept = max(since, clock.now() - retention.KEPT_FOR)
    rows = Event.objects.filter(user_id=endpoint.user_id, created_at__gte=kept).exclude(type=EventType.TEST)
    if EVERY not in endpoint.events:
        rows = rows.filter(type__in=endpoint.events)
    if only_missed:
        taken = Delivery.objects.filter(event=OuterRef("pk"), endpoint=endpoint, delivered_at__isnull=False)
        rows = rows.filter(~Exists(taken))
    return rows.order_by("pk")


def replay(endpoint: Endpoint, *, since: dt.datetime, only_missed: bool, actor: str, reason: str = "") -> int:
    """Sends all of them again and returns how many; raises EndpointOffError."""
    return sum(1 for _ in each(endpoint, since=since, only_missed=only_missed, actor=actor, reason=reason))


def each(endpoint: Endpoint, *, since: dt.datetime, only_missed: bool, actor: str, reason: str = "") -> Iterator[Event]:
    """Does the same one by one, each in a transaction of its own, so that it can be interrupted and run again."""
    with transaction():
        row = switching.locked(endpoint.pk)
        endpoints.refuse_if_off(row)
        events_now = list(found(row, since=since, only_missed=only_missed))
        trail.record(
            actor=actor,
            action="webhook_endpoint.replayed",
            subject=row,
            since=since.isoformat(),
            only_missed=only_missed,
            events=len(events_now),
            reason=reason,
        )
    for event in events_now:
        with transaction():
            _to(switching.locked(endpoint.pk), event)
        yield event


def _to(endpoint: Endpoint, event: Event) -> None:
    """Sends an event to an endpoint, whether or not it was meant for it before."""
    known = Delivery.objects.filter(endpoint=endpoint, event=event).values_list("pk", flat=True).first()
    if known is not None:
        _begin(endpoint, known)
    elif endpoint.is_on and Event.objects.select_for_update(no_key=True).filter(pk=event.pk).exists():
        events.deliver(event, endpoint)


def _begin(endpoint: Endpoint, delivery_id: int) -> None:
    now = clock.now()
    rows = Delivery.objects.filter(pk=delivery_id).exclude(status=Status.SENDING)
    if rows.update(status=Status.WAITING, began_at=now, next_attempt_at=now, claimed_until=None, updated_at=now):
        Endpoint.objects.filter(pk=endpoint.pk).update(paused_until=None)
        outbox.put(topic="webhook.send", delivery_id=delivery_id)
