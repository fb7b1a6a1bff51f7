"""The id of a request, with which a person who reports a fault and whoever reads the log mean the same one."""

import re
import uuid
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

HEADER: Final = "X-Request-Id"
KEPT_AS: Final = "onecard.request_id"
ALLOWED: Final = re.compile(r"[A-Za-z0-9_.:-]{8,80}")


class RequestIds:
    """Gives each request under /api/v1/ an id, the caller's own if it is well formed, and says it in the response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path_info.startswith("/api/v1/"):
            response[HEADER] = request_id(request)
        return response


def request_id(request: HttpRequest | Request) -> str:
    """Returns the request's id, made when it is first asked for."""
    if KEPT_AS not in request.META:
        sent = request.headers.get(HEADER, "")
        request.META[KEPT_AS] = sent if ALLOWED.fullmatch(sent) else uuid.uuid4().hex
    return str(request.META[KEPT_AS])
