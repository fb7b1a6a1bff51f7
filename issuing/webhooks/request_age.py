"""The age of an authorization request when a thread takes it: the issuer's time limit runs from when it asked.

The age comes from the wait inside our own server, the wait at a proxy whose time header is trusted, and the time of the
issuer's signature. A request that is too old is declined before any work: the issuer has given up on it already.
"""

import time

from django.conf import settings
from django.http import HttpRequest

from onecard.kit.buffered_wsgi import ARRIVED_AT
from onecard.kit.clock import Stopwatch

# Stripe decides by itself after this time, network included (docs/issuers/stripe.md, Real-time authorizations).
ISSUER_LIMIT_MS = 2000
# An event that waited this long inside our server is refused, and its issuer sends it again later.
EVENT_WAIT_MS = 5000
# nginx sends seconds since 1970 (`t=${msec}`); other proxies send milliseconds or microseconds.
UNITS = ((1e14, 1e-6), (1e11, 1e-3), (0.0, 1.0))


def watch_for(request: HttpRequest) -> Stopwatch:
    """Returns a stopwatch that has been running since the request arrived."""
    return watch_since(request.META.get(ARRIVED_AT), request.headers.get("X-Request-Start", ""))


def watch_since(arrived_at: object, request_start: str) -> Stopwatch:
    """Returns a stopwatch that has been running since a time of `time.perf_counter()`, or since a proxy's header."""
    waited_s = 0.0
    if isinstance(arrived_at, float):
        waited_s = time.perf_counter() - arrived_at
    if settings.TRUST_REQUEST_START:
        waited_s = max(waited_s, _waited_at_proxy_s(request_start))
    return Stopwatch(waited_ms=max(0.0, waited_s) * 1000)


def count_signature(watch: Stopwatch, signed_at: int) -> None:
    """Counts the age of an issuer's signature, whose time is in whole seconds of Unix time.

    It may be up to a second younger than it looks. Our own deadline lies before the issuer's limit; that margin
    allows for this, for the network, and for clocks that differ. A clock that is ahead makes no request younger.
    """
    looks_ms = (time.time() - signed_at) * 1000
    watch.at_least(looks_ms - max(0.0, ISSUER_LIMIT_MS - float(settings.DECISION_DEADLINE_MS)))


def is_overload(watch: Stopwatch) -> bool:
    """Returns whether an event waited too long for a thread, so that its issuer has to send it again."""
    return watch.elapsed_ms > EVENT_WAIT_MS


def _waited_at_proxy_s(header: str) -> float:
    text = header.strip().removeprefix("t=")
    try:
        number = float(text)
    except ValueError:
        return 0.0
    seconds = number * next((unit for least, unit in UNITS if number >= least), 1.0)
    # A time in the future, or more than an hour ago, comes from a proxy whose clock is wrong.
    waited_s = time.time() - seconds
    return waited_s if 0 <= waited_s < 3600 else 0.0
