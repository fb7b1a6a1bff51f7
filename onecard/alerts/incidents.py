"""The life of an incident: opened by its cause, acknowledged by a person, resolved when the cause is gone.

Each move is a conditional update in the transaction of its audit entry and its messages (money-safety I10, I15).
"""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any, Final

from django.db.models import QuerySet

from audit import trail
from onecard.alerts import messages
from onecard.alerts.models import Incident
from onecard.alerts.rule import Condition
from onecard.alerts.states import MOVES, UNRESOLVED, Occasion, Status
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.transactions import transaction
from onecard.kit.transitions import sources_of
from onecard.users.models import User

ACTOR: Final = "system:alerts"
# A condition that comes and goes is one incident: it is resolved only after so long without it.
RESOLVED_AFTER: Final = dt.timedelta(minutes=5)


class IncidentMovedError(OneCardError):
    """The incident is not in a state from which it can be moved so."""

    code = "incident_moved"


def follow(kind: str, conditions: Sequence[Condition]) -> None:
    """Opens or continues the incidents of these conditions, and clears the others of this kind."""
    for condition in conditions:
        _open_or_continue(kind, condition)
    for gone in unresolved().filter(kind=kind).exclude(key__in=[each.key for each in conditions]):
        _clear(gone)


def clear_unknown_kinds(known: Collection[str]) -> None:
    """Clears the incidents of rules that this version does not have any more."""
    for gone in unresolved().exclude(kind__in=known):
        _clear(gone)


def unresolved() -> "QuerySet[Incident]":
    """Returns the incidents that are not resolved, through the index of one_unresolved_incident_of_a_kind."""
    return Incident.objects.filter(status__in=UNRESOLVED)


def acknowledge(incident: Incident, *, user: User, note: str) -> Incident:
    """Notes that somebody works on an incident; raises IncidentMovedError when it is not open any more."""
    with transaction():
        taken = {"acknowledged_at": clock.now(), "acknowledged_by": user, "note": note}
        if not _move(Incident.objects.filter(pk=incident.pk), Status.ACKNOWLEDGED, **taken):
            raise IncidentMovedError("It was acknowledged or resolved meanwhile: open its page again.")
        trail.record(actor=f"user:{user.pk}", action="incident.acknowledged", subject=incident, note=note)
    incident.refresh_from_db()
    return incident


def _open_or_continue(kind: str, condition: Condition) -> None:
    now = clock.now()
    latest = {"latest": condition.summary[:500], "page": condition.page, "measured_at": now}
    with transaction():
        incident, is_new = Incident.objects.get_or_create(
            kind=kind,
            key=condition.key,
            status__in=UNRESOLVED,
            defaults={
                **latest,
                "status": Status.OPEN,
                "severity": condition.severity,
                "summary": condition.summary[:500],
                "opened_at": now,
            },
        )
        if is_new:
            trail.record(actor=ACTOR, action="incident.opened", subject=incident, summary=incident.summary)
            messages.intend(incident, Occasion.OPENED)
        else:
            unresolved().filter(pk=incident.pk).update(clear_since=None, **latest)


def _clear(incident: Incident) -> None:
    """Notes since when the condition is gone, and resolves the incident after RESOLVED_AFTER."""
    now = clock.now()
    if incident.clear_since is None:
        unresolved().filter(pk=incident.pk, clear_since=None).update(clear_since=now)
    elif now - incident.clear_since >= RESOLVED_AFTER:
        # Not where another evaluation found the condition again since this one read the row.
        still_gone = Incident.objects.filter(pk=incident.pk, clear_since=incident.clear_since)
        with transaction():
            if _move(still_gone, Status.RESOLVED, resolved_at=now):
                trail.record(actor=ACTOR, action="incident.resolved", subject=incident, kind=incident.kind)
                incident.refresh_from_db()
                messages.intend(incident, Occasion.RESOLVED)


def _move(row: "QuerySet[Incident]", status: str, **changes: Any) -> bool:
    """Moves the incident where the table allows it; False where it does not."""
    return bool(row.filter(status__in=sources_of(MOVES, status)).update(status=status, **changes))
