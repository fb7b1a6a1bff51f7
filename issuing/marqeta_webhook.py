"""Marqeta's event notifications: batches of rows, each stored once as an event of its own; the answer is just 200."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework.request import Request

from issuing import inbox, signatures
from issuing.delivery import MachineDoor, UnreadableError, keep_rejected, plain, read_body, refusal
from issuing.events import Envelope, MalformedEventError
from issuing.marqeta_events import read_object, row_envelope
from issuing.marqeta_gateway import unauthorized
from issuing.models import Provider
from onecard.kit import exact_json

PINGS = "pings"


class MarqetaWebhook(MachineDoor):
    """Stores and acknowledges; a worker acts. Any status but 200 makes Marqeta send the whole batch again."""

    def post(self, request: Request) -> HttpResponse:
        raw = plain(request)
        try:
            body = _genuine_body(raw)
        except signatures.SignatureError as error:
            return unauthorized(error.message)
        except UnreadableError as error:
            return refusal(error.message, status=error.status)
        try:
            content = read_object(body)
        except MalformedEventError as error:
            keep_rejected(Provider.MARQETA, body, error.message)
            return refusal(error.message, status=400)
        try:
            _store(content, body)
        except DatabaseError:
            # Not acknowledged, so that the issuer sends it again; what is stored already is not stored twice.
            return refusal("The events cannot be stored now; send them again.", status=503)
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


def _store(content: dict[str, Any], body: bytes) -> None:
    """Every row for itself, so that a bad one does not lose the others; a batch is a matter of transport only."""
    for key, rows in content.items():
        if key != PINGS and not isinstance(rows, list):
            inbox.keep_rejected(Provider.MARQETA, body, "The envelope holds no list of events.")
        elif key != PINGS:
            for event, row_body in _events(key, rows, body):
                _store_row(event, row_body)


def _events(key: str, rows: list[Any], body: bytes) -> Iterator[tuple[Envelope | None, bytes]]:
    for row in rows:
        try:
            row_body = exact_json.dumps({key: [row]}).encode()
        except RecursionError:
            yield None, body
        else:
            yield row_envelope(key, row, row_body), row_body


def _store_row(event: Envelope | None, row_body: bytes) -> None:
    if event is None:
        inbox.keep_rejected(Provider.MARQETA, row_body, "The row is no object, or is nested too deeply.")
    else:
        inbox.receive(Provider.MARQETA, event, row_body)
