"""How long the frontend API took to answer, for /metrics."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

from onecard.kit import durations

# A caller may send any word as the method, and each word would be a series of its own.
METHODS: Final = frozenset(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])


class ResponseTimes:
    """Times each request under /api/v1/, by its method and the class of the answer's status."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/api/v1/"):
            return self.get_response(request)
        with durations.timed("frontend_call", request.method if request.method in METHODS else "other") as call:
            response = self.get_response(request)
            call.status = response.status_code
        return response
