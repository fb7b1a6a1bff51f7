"""Refusals that no view of the API made, from a middleware or from Django itself, get the form of all others.

Such are an address with a NUL, a body that is too large, a change over plain HTTP, and a fault of ours.
"""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from onecard.api import problems
from onecard.api.auth.refusals import SENTENCES

FAULT: Final = ("server_error", "A fault of ours. It is in our log under the request_id: tell us that.")


class PlainRefusals:
    """Turns each refusal under /api/v1/ that is no problem yet into one; only RequestIds comes before."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_refusal = response.status_code >= HTTPStatus.BAD_REQUEST and request.path_info.startswith("/api/v1/")
        return _as_problem(request, response) if is_refusal and not _is_ours(response) else response


def _is_ours(response: HttpResponse) -> bool:
    """Whether it has our form, is a step of a login, or is Django's page for whoever develops."""
    if settings.DEBUG and response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return True
    return response.headers.get("Content-Type") == problems.CONTENT_TYPE or "status" in _members(response)


def _as_problem(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    status = response.status_code
    code, words = FAULT if status >= HTTPStatus.INTERNAL_SERVER_ERROR else SENTENCES.get(status, SENTENCES[400])
    body = problems.body(request, status, code, _words(response) or words)
    answer = JsonResponse(body, status=status, content_type=problems.CONTENT_TYPE)
    for name in ("Allow", "Retry-After"):
        if name in response:
            answer[name] = response[name]
    answer["Cache-Control"] = "no-store"
    return answer


def _words(response: HttpResponse) -> str:
    """The sentence of whoever refused, if there is one."""
    if response.headers.get("Content-Type", "").startswith("text/plain"):
        return response.content.decode().strip()
    return str(_members(response).get("error", ""))


def _members(response: HttpResponse) -> dict[str, Any]:
    if response.headers.get("Content-Type") != "application/json":
        return {}
    found = json.loads(response.content)
    return found if isinstance(found, dict) else {}
