"""In which language and time zone a page of the back office is read: the account's, else the browser's.

Only staff's pages, and of the person's own those of their rules, have a language (onecard/person/page.py). The API, the
person's other pages, workers and commands speak English in UTC.
"""

import zoneinfo
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import formats, timezone, translation
from django.utils.cache import patch_vary_headers

from onecard.second_factor.sessions import BACK_OFFICE
from onecard.users.models import User

# Written by static/onecard/timezone.js: the browser's own zone, the first guess.
ZONE_COOKIE: Final = "onecard_time_zone"


class Viewer:
    """Middleware: puts the viewer's language and time zone around each page of the back office."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(BACK_OFFICE):
            return self.get_response(request)
        language = language_of(request)
        with translation.override(language), timezone.override(zone_of(request)):
            response = self.get_response(request)
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        response.headers.setdefault("Content-Language", language)
        return response


def language_of(request: HttpRequest) -> str:
    """Returns the account's language, else that of the cookie, else the browser's first one that we speak."""
    chosen = _account(request).language
    return chosen if chosen in dict(settings.LANGUAGES) else translation.get_language_from_request(request)


def separators_of_the_language() -> tuple[str, str]:
    """Returns those of thousands and of decimals, in the language of this moment."""
    return formats.get_format("THOUSAND_SEPARATOR"), formats.get_format("DECIMAL_SEPARATOR")


def zone_of(request: HttpRequest) -> zoneinfo.ZoneInfo:
    """Returns the account's time zone, else the browser's, else UTC."""
    for name in (_account(request).time_zone, request.COOKIES.get(ZONE_COOKIE, "")):
        if name in known_zones():
            return zoneinfo.ZoneInfo(name)
    return zoneinfo.ZoneInfo("UTC")


def known_zones() -> frozenset[str]:
    """Returns the names of all places' zones, such as Europe/Berlin, and UTC."""
    return _KNOWN


def _account(request: HttpRequest) -> User:
    """Returns the login of a session; without a session cookie no session is asked, and it has no choices."""
    if not request.COOKIES.get(settings.SESSION_COOKIE_NAME) or not isinstance(request.user, User):
        return User()
    return request.user


_KNOWN: Final = frozenset(
    name for name in zoneinfo.available_timezones() if name == "UTC" or ("/" in name and not name.startswith("Etc/"))
)
