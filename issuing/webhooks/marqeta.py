"""Marqeta's webhook: stores each row of a batch of event notifications as an event of its own and answers 200."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework.request import Request

from issuing.inbox import deliveries as inbox
from issuing.inbox import log_ids, unapplied
from issuing.issuers.marqeta.events import read_object, row_envelope
from issuing.issuers.messages import Envelope, MalformedEventError, body_id
from issuing.models import Provider
from issuing.webhooks import refused_signatures, signatures
from issuing.webhooks.marqeta_gateway import unauthorized
from issuing.webhooks.view import MachineDoor, UnreadableError, keep_unreadable, plain, read_body, refusal
from onecard.kit import exact_json, log_context
from onecard.kit.postgresql.time_limits import give_up_after
from onecard.kit.transactions import transaction

# A silent database holds a thread no longer than this; Marqeta then sends the batch again.
STORED_WITHIN_S = 10.0
PINGS = "pings"
NO_EVENT = "This is no list of events, no object, or nested too deeply."
# Marqeta batches up to 10 events (its guide to webhooks). More are taken, up to what one request may cost.
MOST_ROWS = 1_000
MOST_NEW_ROWS = 100


class MarqetaWebhook(MachineDoor):
    """Stores and acknowledges; a worker applies. Any status but 200 makes Marqeta send the whole batch again."""

    def post(self, request: Request) -> HttpResponse:
        raw = plain(request)
        try:
            body = _genuine_body(raw)
        except signatures.SignatureError as error:
            refused_signatures.note(Provider.MARQETA)
            return unauthorized(error.message)
        except UnreadableError as error:
            return refusal(error.message, status=error.status)
        try:
            content = read_object(body)
        except MalformedEventError as error:
            keep_unreadable(Provider.MARQETA, body, error.message)
            return refusal(error.message, status=400)
        if _size(content) > MOST_ROWS:
            keep_unreadable(Provider.MARQETA, body, f"The envelope holds more than {MOST_ROWS} events.")
            return refusal(f"Send at most {MOST_ROWS} events at once.", status=413)
        try:
            with give_up_after(STORED_WITHIN_S):
                is_all = _store(content, body)
        except DatabaseError:
            # Not acknowledged, so that the issuer sends it again. Events that are stored already are not stored twice.
            return refusal("The events cannot be stored now; send them again.", status=503)
        if not is_all:
            return refusal(f"The first {MOST_NEW_ROWS} new events are stored; send the same again.", status=503)
        return JsonResponse({"received": True})


def _genuine_body(raw: HttpRequest) -> bytes:
    signatures.verify_basic(
        raw.headers.get("Authorization", ""),
        username=settings.MARQETA_WEBHOOK_USERNAME,
        password=settings.MARQETA_WEBHOOK_PASSWORD,
    )
    body = read_body(raw)
    signatures.verify_marqeta(body, raw.headers.get("X-Marqeta-Signature", ""), settings.MARQETA_WEBHOOK_SECRET)
    return body


def _size(content: dict[str, Any]) -> int:
    return sum(len(rows) if isinstance(rows, list) else 1 for rows in content.values())


def _store(content: dict[str, Any], body: bytes) -> bool:
    """Stores each row by itself, so that a bad one loses no other; returns False when new ones are left over."""
    found = list(_events(content, body))
    new = found if len(found) <= MOST_NEW_ROWS else _not_stored(found)
    for event, row_body in new[:MOST_NEW_ROWS]:
        _store_row(event, row_body)
    return len(new) <= MOST_NEW_ROWS


def _not_stored(found: list[tuple[Envelope, bytes]]) -> list[tuple[Envelope, bytes]]:
    """Returns the events that no earlier request has stored."""
    stored = inbox.received(Provider.MARQETA, [event.id for event, _ in found])
    return [row for row in found if row[0].id not in stored]


def _events(content: dict[str, Any], body: bytes) -> Iterator[tuple[Envelope, bytes]]:
    """Returns every row as an event; a body without events is stored once as a whole delivery."""
    is_all_read = True
    for key, rows in content.items():
        if key == PINGS:
            continue
        found = [_event(key, row) for row in rows] if isinstance(rows, list) else [None]
        yield from (each for each in found if each is not None)
        is_all_read = is_all_read and None not in found
    if not is_all_read:
        yield _unreadable(body), body


def _event(key: str, row: Any) -> tuple[Envelope, bytes] | None:
    try:
        row_body = exact_json.dumps({key: [row]}).encode()
    except RecursionError:
        return None
    return row_envelope(key, row, row_body) or _unreadable(row_body), row_body


def _unreadable(body: bytes) -> Envelope:
    """Returns an event without a type, named by the hash of its bytes."""
    return Envelope(body_id(body), "", "", {})


def _store_row(event: Envelope, row_body: bytes) -> None:
    if event.type:
        with log_context.scope():
            log_ids.bind_event(Provider.MARQETA, event)
            inbox.receive(Provider.MARQETA, event, row_body)
    else:
        with transaction():
            inbox.keep_rejected(Provider.MARQETA, row_body, NO_EVENT)
            unapplied.open_case_about_delivery(Provider.MARQETA, row_body, NO_EVENT)
