"""The base of every issuer's webhook: reads the bytes, refuses, and keeps malformed deliveries."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.views import APIView

from issuing.inbox import deliveries as inbox
from issuing.inbox import unapplied
from issuing.issuers.messages import Envelope, body_id
from onecard.kit.clock import Stopwatch
from onecard.kit.errors import OneCardError
from onecard.kit.postgresql.time_limits import give_up_after
from onecard.kit.transactions import transaction

log = logging.getLogger(__name__)


class UnreadableError(OneCardError):
    """The body of a request cannot be read; `status` is the HTTP status of the answer."""

    code = "unreadable"

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class OneFormat(BaseContentNegotiation):
    """Answers in one format, whatever the Accept header asks for: a 406 would be a declined purchase."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class MachineDoor(APIView):
    """A view without the parts of DRF that a call between machines does not need. Each subclass checks its caller."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    parser_classes: list[Any] = []
    throttle_classes: list[Any] = []
    content_negotiation_class = OneFormat


def plain(request: Request) -> HttpRequest:
    """Django's own request: DRF's parsers must not see the body."""
    return request._request  # noqa: SLF001  (DRF's own attribute)


def read_body(request: HttpRequest) -> bytes:
    """Returns the raw bytes, with or without chunks.

    Raises UnreadableError for a body over the limit or one that breaks off.
    """
    limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    try:
        return _chunked_body(request, limit) if _is_chunked(request) else request.body
    except RequestDataTooBig:
        raise UnreadableError(f"The body is larger than {limit} bytes.", status=413) from None
    except UnreadablePostError:
        raise UnreadableError("The body ended before it was complete.", status=400) from None


def _is_chunked(request: HttpRequest) -> bool:
    """Returns whether a body comes in chunks without a length, which Django takes for empty."""
    coding = str(request.META.get("HTTP_TRANSFER_ENCODING", ""))
    return not request.META.get("CONTENT_LENGTH") and "chunked" in coding.lower()


def _chunked_body(request: HttpRequest, limit: int) -> bytes:
    """Reads a chunked body to its end, past Django; raises RequestDataTooBig beyond the limit."""
    source = request.META["wsgi.input"]
    parts, size = [], 0
    try:
        while size <= limit and (part := source.read(limit + 1 - size)):
            parts.append(part)
            size += len(part)
    except OSError as error:
        raise UnreadablePostError(*error.args) from error
    if size > limit:
        raise RequestDataTooBig
    return b"".join(parts)


@contextmanager
def briefly() -> Iterator[None]:
    """Ends a wait for a silent database after half a deadline, for a request that is no decision.

    It shares the decisions' threads. Raises django.db.OperationalError after that time.
    """
    with give_up_after(settings.DECISION_DEADLINE_MS / 2000):
        yield


def keep_rejected(provider: str, body: bytes, reason: str, envelope: Envelope | None = None) -> None:
    """Stores a malformed delivery as evidence if the database answers; the response does not depend on it."""
    try:
        with briefly():
            inbox.keep_rejected(provider, body, reason, envelope)
    except DatabaseError:
        log.exception("a malformed event could not be kept: %s", reason)


def keep_unreadable(provider: str, body: bytes, reason: str) -> None:
    """Stores a genuine delivery without events if the database answers, with a case if it names an amount."""
    # Covering a large body takes a while; that time is not the database's.
    envelope = Envelope(body_id(body), "", "", {})
    try:
        with briefly(), transaction():
            inbox.keep_rejected(provider, body, reason, envelope)
            unapplied.open_case_about_delivery(provider, body, reason)
    except DatabaseError:
        log.exception("an unreadable delivery could not be kept: %s", reason)


def refusal(sentence: str, *, status: int) -> HttpResponse:
    """Returns a refusal with a sentence for whoever reads the issuer's log of its deliveries."""
    return JsonResponse({"error": sentence}, status=status)


def timed(response: HttpResponse, watch: Stopwatch) -> HttpResponse:
    """Adds a header with the time that each step took, for whoever examines a slow response."""
    steps = [f"{name};dur={duration}" for name, duration in watch.steps_ms.items()]
    response["Server-Timing"] = ", ".join([*steps, f"total;dur={watch.elapsed_ms:.3f}"])
    return response
