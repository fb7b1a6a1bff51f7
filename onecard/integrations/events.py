"""Events: written beside the notice of their cause, with a delivery for each endpoint that wants them."""

import datetime as dt
import json
import logging
import uuid
from collections.abc import Callable
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder

from onecard.integrations.models import Delivery, Endpoint, Event
from onecard.integrations.types import EventType, is_wanted
from onecard.kit import clock
from onecard.kit.display import in_english
from onecard.kit.transactions import require_transaction
from onecard.outbox import services as outbox

log = logging.getLogger(__name__)

# The shapes in `data` are those of this version of the frontend API.
API_VERSION: Final = "v1"
TIME: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
Render = Callable[[int, str], dict[str, Any] | None]
_shapes: dict[str, tuple[str, Render]] = {}


def register(kind: str, name: str, render: Render) -> None:
    """Registers how a thing of this kind looks in the API, and its name in `data`; `render(user_id, key)`."""
    _shapes[kind] = (name, render)


def intend(
    *, public_id: uuid.UUID, user_id: int, event_type: EventType, title: str, text: str, reference: str
) -> Event | None:
    """Writes an event in the transaction of its cause, with its deliveries; None for a person without an endpoint.

    `public_id` is that of the notice, which makes it one event a cause. An endpoint that is switched off gets no
    delivery; a replay makes those that it missed. Raises TransactionError outside a transaction.
    """
    require_transaction(f"The event {public_id}")
    endpoints = list(Endpoint.objects.filter(user_id=user_id, deleted_at=None))
    if not endpoints:
        return None
    event = Event.objects.create(
        public_id=public_id,
        user_id=user_id,
        type=event_type,
        notification={"title": title, "text": text, "reference": reference},
        created_at=clock.now(),
    )
    for endpoint in endpoints:
        if endpoint.is_on and is_wanted(endpoint.events, event_type):
            deliver(event, endpoint)
    return event


def write_test(endpoint: Endpoint) -> Delivery:
    """Writes an event that only tries an endpoint, whatever types it wants; in the caller's transaction."""
    event = Event.objects.create(
        user_id=endpoint.user_id,
        type=EventType.TEST,
        notification={
            "title": in_english(EventType.TEST.label),
            "text": "Somebody asked for this test.",
            "reference": "",
        },
        created_at=clock.now(),
    )
    return deliver(event, endpoint)


def deliver(event: Event, endpoint: Endpoint) -> Delivery:
    """Writes a delivery that is due now, with the message for the worker."""
    now = clock.now()
    made = Delivery.objects.create(
        event=event, endpoint=endpoint, began_at=now, next_attempt_at=now, created_at=now, updated_at=now
    )
    outbox.put(topic="webhook.send", delivery_id=made.pk)
    return made


def body_of(event: Event) -> bytes:
    """Returns what is sent of an event. It is made once, with its thing as it is then, and is the same ever after."""
    if not event.body:
        Event.objects.filter(pk=event.pk, body="").update(body=json.dumps(_content(event), cls=DjangoJSONEncoder))
        event.refresh_from_db(fields=("body",))
    return event.body.encode()


def _content(event: Event) -> dict[str, Any]:
    name, thing = _thing_of(event)
    return {
        "id": str(event.public_id),
        "type": event.type,
        "api_version": API_VERSION,
        "created_at": event.created_at.astimezone(dt.UTC).strftime(TIME),
        "data": {"notification": event.notification, **({name: thing} if thing else {})},
    }


def _thing_of(event: Event) -> tuple[str, dict[str, Any] | None]:
    """Returns what the event is about, in the API's form; an event goes without a thing that cannot be shown."""
    kind, _, key = event.notification["reference"].partition(":")
    if kind not in _shapes or not key:
        return kind, None
    name, render = _shapes[kind]
    try:
        return name, render(event.user_id, key)
    except Exception:  # (a fault of ours in one shape must not hold up every event of the endpoint)
        log.exception("webhook event %s: its %s cannot be shown, so it goes without", event.pk, name)
        return name, None
