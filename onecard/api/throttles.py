"""How often one caller may ask: counted in Redis by fixed windows, and in the database while Redis is away.

Counts start again when Redis goes away or returns (onecard/kit/cache.py), so a caller gets at most one more window's
worth each time; nobody is locked out by it, and nobody is let through uncounted.
"""

import time
from typing import Any, Final

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

# Requests allowed, and in how many seconds.
LIMITS: Final[dict[str, tuple[int, int]]] = {
    "read": (600, 60),
    "write": (60, 60),
    # Each asks the issuer or the processor.
    "outside": (20, 60),
    "preview": (120, 60),
    # Tests of webhook endpoints: each is a request to a stranger's server.
    "webhook_test": (6, 60),
    "anonymous": (60, 60),
    # Everything with which people sign up and log in, by address; some of it has tighter limits (onecard/sign_in.py).
    "joining": (120, 60),
}


class PerPerson(BaseThrottle):
    """Counts by login, or by address where nobody is logged in; over the limit is 429 with Retry-After."""

    def __init__(self) -> None:
        self.waits_s = 0

    def allow_request(self, request: Request, view: Any) -> bool:
        scope = scope_of(request, view)
        most, window_s = LIMITS[scope]
        window, into_it_s = divmod(int(time.time()), window_s)
        key = f"api:{scope}:{request.user.pk or self.get_ident(request)}:{window}"
        self.waits_s = window_s - into_it_s
        return count(key, keep_s=window_s * 2) <= most

    def wait(self) -> float:
        return self.waits_s


def is_over(scope: str, who: str) -> bool:
    """Counts a request that no view of the framework serves, and returns whether it is over its limit."""
    most, window_s = LIMITS[scope]
    return count(f"api:{scope}:{who}:{int(time.time()) // window_s}", keep_s=window_s * 2) > most


def count(key: str, *, keep_s: int) -> int:
    """Counts one more under a key, and returns how many there are; the key is forgotten after `keep_s`."""
    if cache.add(key, 1, timeout=keep_s):
        return 1
    try:
        return int(cache.incr(key))
    except ValueError:
        # Forgotten between the two calls, as when Redis has just gone away.
        return 1


def scope_of(request: Request, view: Any) -> str:
    """Returns under which limit a request is counted: the view's own, else whether it reads or writes."""
    if not request.user.is_authenticated:
        return "anonymous"
    return getattr(view, "throttle_scope", "") or ("read" if request.method in ("GET", "HEAD", "OPTIONS") else "write")
