"""Gives each request an id, which its lines and its answer carry, and writes a line when it was answered.

A decision has no such line: it would cost more than a part of the decision, which is on record anyway.
"""

import logging
import time
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from onecard.kit import log_context
from onecard.kit.buffered_wsgi import ARRIVED_AT
from onecard.kit.request_ids import HEADER, request_id

log = logging.getLogger(__name__)

# Asked every few seconds by machines; a line only when something is wrong.
POLLED: Final = ("/health/live", "/health/ready", "/metrics")


class RequestLog:
    """The outermost middleware, so that whatever is logged about a request has its id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started_at = request.META.get(ARRIVED_AT) or time.perf_counter()
        with log_context.fresh(request_id=request_id(request)):
            response = self.get_response(request)
            if not _is_ordinary(request, response):
                _write(request, response, (time.perf_counter() - started_at) * 1000)
        response[HEADER] = request_id(request)
        return response


def _is_ordinary(request: HttpRequest, response: HttpResponse) -> bool:
    """Returns whether nobody wants to read of this request: a decision, which times its steps, or a poll."""
    is_unread = "Server-Timing" in response or request.path_info in POLLED
    return is_unread and response.status_code < 500


def _write(request: HttpRequest, response: HttpResponse, duration_ms: float) -> None:
    found = request.resolver_match
    log.info(
        "answered",
        extra={
            "method": request.method,
            "route": (found.view_name or found.route) if found else _unrouted(request),
            "status": response.status_code,
            "duration_ms": round(duration_ms, 1),
            **({"object_id": str(found.kwargs["public_id"])} if found and "public_id" in found.kwargs else {}),
        },
    )


def _unrouted(request: HttpRequest) -> str:
    """Returns what stands for a path that no route has, which may contain anything."""
    return "static file" if request.path_info.startswith(settings.STATIC_URL) else "no route"
