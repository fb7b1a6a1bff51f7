"""Switching an endpoint on and off: by its owner, by staff, or by its own failures."""

import datetime as dt
from typing import Final

from django.db.models import QuerySet

from audit import trail
from onecard.integrations.errors import StoppedByStaffError
from onecard.integrations.models import Delivery, Endpoint
from onecard.kit import clock
from onecard.kit.transactions import require_transaction, transaction
from onecard.outbox import services as outbox

OffBy = Endpoint.OffBy
OPEN: Final = (Delivery.Status.WAITING, Delivery.Status.SENDING)
FAILURES_END_IT_AFTER: Final = dt.timedelta(days=5)
IS_OFF: Final = "The endpoint is switched off."


def locked(pk: int) -> Endpoint:
    """Returns an endpoint under its lock; in the caller's transaction. New deliveries do not wait for it."""
    return Endpoint.objects.select_for_update(no_key=True).get(pk=pk)


def switch_off(endpoint: Endpoint, *, by: str, actor: str, reason: str = "") -> None:
    """Switches an endpoint off, and gives up what waits for it: a replay brings it once the endpoint is on again.

    Off by staff stays off by staff.
    """
    with transaction():
        row = locked(endpoint.pk)
        if row.off_by in (by, OffBy.STAFF):
            return
        _set(row, off_by=by)
        give_up(Delivery.objects.filter(endpoint=row, status__in=OPEN))
        trail.record(actor=actor, action="webhook_endpoint.off", subject=row, by=by, reason=reason)


def switch_on(endpoint: Endpoint, *, actor: str, is_staff: bool = False, reason: str = "") -> None:
    """Switches an endpoint on as if it had never failed; raises StoppedByStaffError for its owner, if staff stopped it.

    What it missed is not sent by itself.
    """
    with transaction():
        row = locked(endpoint.pk)
        if row.off_by == OffBy.NOBODY:
            return
        if row.off_by == OffBy.STAFF and not is_staff:
            raise StoppedByStaffError("Our staff switched this endpoint off: ask them to switch it on.")
        _set(row, off_by=OffBy.NOBODY, failing_since=None, paused_until=None, busy_until=None)
        trail.record(actor=actor, action="webhook_endpoint.on", subject=row, was_off_by=row.off_by, reason=reason)


def off_by_failures(pk: int, *, since: dt.datetime, last: str) -> None:
    """Switches a failing endpoint off and notifies its owner; in the caller's transaction, which has its lock."""
    require_transaction("Switching off an endpoint")
    row = Endpoint.objects.get(pk=pk)
    _set(row, off_by=OffBy.FAILURES)
    give_up(Delivery.objects.filter(endpoint=row, status__in=OPEN))
    entry = trail.record(
        actor="system:webhooks",
        action="webhook_endpoint.off",
        subject=row,
        by=OffBy.FAILURES,
        failing_since=since.isoformat(),
        last=last,
    )
    outbox.put(topic="webhook.switched_off", entry_id=entry.pk)


def give_up(rows: "QuerySet[Delivery]") -> None:
    """Ends deliveries that nobody will take."""
    rows.update(
        status=Delivery.Status.GIVEN_UP,
        claimed_until=None,
        next_attempt_at=None,
        failure_message=IS_OFF,
        updated_at=clock.now(),
    )


def _set(row: Endpoint, **changes: object) -> None:
    Endpoint.objects.filter(pk=row.pk).update(updated_at=clock.now(), **changes)
