"""Every genuine delivery is stored once, with its raw bytes, before anything is done about it."""

import hashlib
from collections.abc import Iterable

from issuing import states
from issuing.events import Envelope
from issuing.models import IssuerEvent
from onecard.kit import clock
from onecard.kit.moves import sources_of
from onecard.kit.rows import insert_once
from onecard.kit.transactions import transaction
from onecard.outbox import services as outbox


def receive(provider: str, envelope: Envelope, body: bytes) -> bool:
    """Stores an event for a worker to handle and says whether it is new; a repeat changes nothing."""
    with transaction():
        event = IssuerEvent(
            provider=provider,
            event_id=envelope.id,
            event_type=envelope.type,
            object_id=envelope.object_id,
            body=body,
            received_at=clock.now(),
        )
        is_new = insert_once(event, unique=("provider", "event_id"))
        if is_new:
            outbox.put(topic="inbox.received", event_pk=event.pk)
    return is_new


def received(provider: str, names: Iterable[str]) -> set[str]:
    """Those of these event ids that are stored already; one statement."""
    stored = IssuerEvent.objects.filter(provider=provider, event_id__in=list(names))
    return set(stored.values_list("event_id", flat=True))


def keep_rejected(provider: str, body: bytes, reason: str, envelope: Envelope | None = None) -> None:
    """Keeps a genuine but malformed delivery as evidence; without an id of its own it goes by its body's hash."""
    _keep(provider, envelope or Envelope(body_id(body), "", "", {}), body, states.Event.REJECTED, reason)


def keep(provider: str, envelope: Envelope, body: bytes, reason: str) -> None:
    """Keeps a delivery that no worker has to act on; a repeat changes nothing."""
    _keep(provider, envelope, body, states.Event.KEPT, reason)


def body_id(body: bytes) -> str:
    """What a delivery without an id of its own goes by."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _keep(provider: str, envelope: Envelope, body: bytes, status: str, reason: str) -> None:
    IssuerEvent.objects.get_or_create(
        provider=provider,
        event_id=envelope.id,
        defaults={
            "event_type": envelope.type,
            "object_id": envelope.object_id,
            "body": body,
            "received_at": clock.now(),
            "status": status,
            "reason": reason[:300],
            "handled_at": clock.now(),
        },
    )


def finish(event: IssuerEvent, status: str, reason: str = "") -> bool:
    """Moves an event along its table of legal moves and says whether it was ours to move."""
    sources = sources_of(states.EVENT_MOVES, status)
    changed = IssuerEvent.objects.filter(pk=event.pk, status__in=sources).update(
        status=status, reason=reason[:300], handled_at=clock.now()
    )
    return changed == 1
