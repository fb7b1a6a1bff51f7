"""Staff sessions: none is valid without a second factor, and each ends after idleness or a working day."""

import time
from collections.abc import Callable
from typing import Any, Final

from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from onecard.kit.polled_parts import is_polled
from onecard.second_factor import devices
from onecard.users.models import User

# Staff's pages, each of which is closed to the session of a person.
BACK_OFFICE: Final = "/admin/"
LAST_REQUEST: Final = "staff_seen_at"
# The precision of the idle time: writing the session at each request would cost a statement.
NOTE_REQUEST_EVERY_S: Final = 60


class StaffSessions:
    """Ends a staff session without a second factor, or idle, or too old, before any view runs.

    This one place protects the back office and the API from a login with a password alone. A request without a session
    cookie, such as an issuer's, costs nothing here.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.COOKIES.get(settings.SESSION_COOKIE_NAME):
            user: Any = request.user
            if user.is_authenticated and (user.is_staff or user.is_superuser):
                _end_or_keep(request, user)
            elif user.is_authenticated and request.path_info.startswith(BACK_OFFICE):
                return _lead_away(request) or self.get_response(request)
        return self.get_response(request)


def has_second_factor(request: HttpRequest, user: User) -> bool:
    """Returns whether a second factor opened this session; with DEBUG also true for people without one."""
    if any(record.get("method") == "mfa" for record in get_authentication_records(request, user)):
        return True
    return bool(settings.DEBUG) and not devices.has_device(user)


def _lead_away(request: HttpRequest) -> HttpResponse | None:
    """Leads a person to the login of the back office, which tells them that theirs is not staff's; they may log out."""
    login = reverse("admin:login")
    return None if request.path_info in (login, reverse("account_logout")) else redirect(login)


def _end_or_keep(request: HttpRequest, user: User) -> None:
    now = time.time()
    began, last_request = _began_at(request, user, now), float(request.session.get(LAST_REQUEST, 0))
    is_idle = now - max(began, last_request) > settings.STAFF_IDLE_MIN * 60
    is_old = now - began > settings.STAFF_SESSION_H * 3600
    if is_idle or is_old or not has_second_factor(request, user):
        auth.logout(request)
    elif now - last_request > NOTE_REQUEST_EVERY_S and not is_polled(request):
        request.session[LAST_REQUEST] = now


def _began_at(request: HttpRequest, user: User, now: float) -> float:
    return min((float(record["at"]) for record in get_authentication_records(request, user)), default=now)
