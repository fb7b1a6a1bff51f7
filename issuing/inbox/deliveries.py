"""Stores every genuine delivery once, with its raw bytes, before it is applied.

Card numbers and codes in them are covered (onecard/kit/masked_body.py).

An id is bound to the content of its first event. Another event under the same id is kept under a hash, with a case.
"""

from collections.abc import Iterable
from typing import Any, Final

from django.db.models import F
from django.db.models.functions import Greatest

from issuing import journal, states
from issuing.inbox import bodies, event_versions
from issuing.issuers import fingerprints
from issuing.issuers.messages import Envelope, body_id
from issuing.models import IssuerEvent
from onecard.kit import clock
from onecard.kit.insert_once import insert_once
from onecard.kit.masked_body import Evidence, evidence_of
from onecard.kit.money import Money
from onecard.kit.transactions import require_transaction, transaction
from onecard.kit.transitions import sources_of
from onecard.outbox import services as outbox
from wallet import cases
from wallet.models import Case

# An attempt is counted when it begins, in case that its process ends; one that comes to its end is no failure.
ATTEMPT_ENDED: Final[dict[str, Any]] = {"attempts": Greatest(F("attempts") - 1, 0), "next_attempt_at": None}
REUSED = "Its id, {id}, came before with something else. Nothing was done about it."


def receive(provider: str, envelope: Envelope, body: bytes) -> bool:
    """Stores an event for a worker to handle; returns True if it is new. A repeat changes nothing."""
    with transaction():
        evidence = evidence_of(body)
        event = _row(provider, envelope, evidence)
        is_new = _store(event, evidence.body)
        if is_new:
            outbox.put(topic="inbox.received", event_pk=event.pk)
    return is_new


def received(provider: str, names: Iterable[str]) -> set[str]:
    """Returns those of these event ids that are stored already; one statement."""
    stored = IssuerEvent.objects.filter(provider=provider, event_id__in=list(names))
    return set(stored.values_list("event_id", flat=True))


def keep_rejected(provider: str, body: bytes, reason: str, envelope: Envelope | None = None) -> None:
    """Keeps a genuine but malformed delivery as evidence; one without an id is stored under its body's hash."""
    _keep(provider, envelope or Envelope(body_id(body), "", "", {}), body, states.Event.REJECTED, reason)


def keep(provider: str, envelope: Envelope, body: bytes, reason: str) -> None:
    """Keeps a delivery that no worker has to apply; a repeat changes nothing."""
    _keep(provider, envelope, body, states.Event.KEPT, reason)


def take_again(event: IssuerEvent) -> bool:
    """Gives an event to a worker again, in the caller's transaction; returns False when it was handled already.

    An event that waits for its next attempt is tried at once.
    """
    require_transaction("An event that is handled again")
    sources = [*sources_of(states.EVENT_MOVES, states.Event.RECEIVED), states.Event.RECEIVED]
    unhandled = IssuerEvent.objects.filter(pk=event.pk, status__in=sources)
    anew = {"status": states.Event.RECEIVED, "reason": "", "handled_at": None, "attempts": 0, "next_attempt_at": None}
    if unhandled.update(**anew) != 1:
        return False
    outbox.put(topic="inbox.received", event_pk=event.pk)
    return True


def _keep(provider: str, envelope: Envelope, body: bytes, status: str, reason: str) -> None:
    evidence = evidence_of(body)
    event = _row(provider, envelope, evidence, status=status, reason=reason[:300], handled_at=clock.now())
    with transaction():
        _store(event, evidence.body)


def _row(provider: str, envelope: Envelope, evidence: Evidence, **more: Any) -> IssuerEvent:
    return IssuerEvent(
        provider=provider,
        event_id=envelope.id,
        event_type=envelope.type,
        object_id=envelope.object_id,
        original_mac=evidence.original_mac,
        fingerprint=envelope.fingerprint(),
        received_at=clock.now(),
        **more,
    )


def _store(event: IssuerEvent, body: bytes) -> bool:
    """Stores a row once; returns True if it is new. Another event under a used id is stored beside the first."""
    journal.write_of_event(event.provider, event.event_id)
    if _insert(event, body):
        return True
    first = IssuerEvent.objects.get(provider=event.provider, event_id=event.event_id)
    is_readable, is_other = event_versions.is_first_readable(first, event, body), _is_other(first, event, body)
    event.event_id = fingerprints.other_id(first.event_id, event.fingerprint or body_id(body))
    if is_readable:
        return _insert(event, body)
    if is_other:
        event.reason = REUSED.format(id=first.event_id)
        event.status, event.handled_at = states.Event.KEPT, clock.now()
        if _insert(event, body):
            _open_case(event)
    return False


def _insert(event: IssuerEvent, body: bytes) -> bool:
    is_new = insert_once(event, unique=("provider", "event_id"))
    if is_new:
        bodies.keep(event, body)
    return is_new


def _is_other(first: IssuerEvent, event: IssuerEvent, body: bytes) -> bool:
    if first.event_type != event.event_type:
        return True
    is_other = first.fingerprint and event.fingerprint and first.fingerprint != event.fingerprint
    return bool(is_other) and not event_versions.is_same_event(first, event, body)


def _open_case(event: IssuerEvent) -> None:
    kind = Case.Kind.EVENT_CONTRADICTION
    # The amount at stake is in both events, in the issuer's own form; staff compare them there.
    cases.open_case(kind=kind, reference=event.reference, money=Money(0, "USD"), summary=event.reason)


def finish(event: IssuerEvent, status: str, reason: str = "") -> bool:
    """Moves an event that was tried along its table of legal moves; returns True if it moved."""
    sources = sources_of(states.EVENT_MOVES, status)
    changed = IssuerEvent.objects.filter(pk=event.pk, status__in=sources).update(
        status=status, reason=reason[:300], handled_at=clock.now(), **ATTEMPT_ENDED
    )
    return changed == 1
