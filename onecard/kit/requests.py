"""What no request may contain, whichever view it is for, and from where a request came."""

from collections.abc import Callable

from allauth.account.adapter import get_adapter
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest

SENTENCE = "This address holds a NUL character (%00), which nothing here has in its name or value.\n"


class RefuseNul:
    """Answers 400 to an address with a NUL: PostgreSQL has no such text, so its queries would all fail.

    A cookie with an escaped NUL counts as none: it is the key of no session.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "%00" in request.META.get("QUERY_STRING", "") or "\0" in request.path_info:
            return HttpResponseBadRequest(SENTENCE, content_type="text/plain; charset=utf-8")
        if "\\" in request.META.get("HTTP_COOKIE", ""):
            request.COOKIES = {name: value for name, value in request.COOKIES.items() if "\0" not in name + value}
        return self.get_response(request)


def client_address(request: HttpRequest) -> str:
    """Returns the caller's address as the login counts it: what the trusted proxies report, else the peer."""
    return str(get_adapter(request).get_client_ip(request))
