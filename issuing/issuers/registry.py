"""The issuers by name: one client per process and provider, made at its first use."""

import threading
from collections.abc import Callable

from django.conf import settings

from issuing.issuers.base import Issuer
from issuing.issuers.errors import UnusableIssuerError
from issuing.issuers.guard.client import GuardedIssuer
from issuing.issuers.guard.rate_budget import Budget, Gate
from issuing.issuers.guard.redis_scripts import shared

_lock = threading.Lock()
_issuers: dict[str, Issuer] = {}


def issuer_for(provider: str) -> Issuer:
    """Returns the issuer of this name; raises UnusableIssuerError for an unknown name, or one not allowed here."""
    with _lock:
        if provider not in _issuers:
            _issuers[provider] = _make(provider)
        return _issuers[provider]


def budget_of(provider: str) -> Budget:
    """Returns the budget of calls to this issuer, which all processes share."""
    return Budget(provider, shared(), _calls_per_second(provider))


def install(issuer: Issuer, *, provider: str | None = None) -> None:
    """Installs an issuer under its own or another name: for tests, and for the mock."""
    with _lock:
        _issuers[provider or issuer.provider] = issuer


def clear() -> None:
    """Forgets every client, so that the next call reads the settings again."""
    with _lock:
        _issuers.clear()
        if shared.cache_info().currsize:
            shared().close()
            shared.cache_clear()


def _make(provider: str) -> Issuer:
    if provider not in _MAKERS:
        raise UnusableIssuerError(f"There is no issuer {provider!r}; there are {', '.join(_MAKERS)}.")
    budget = budget_of(provider)
    return GuardedIssuer(_MAKERS[provider](Gate(budget)), budget=budget)


def _calls_per_second(provider: str) -> float:
    """Returns the budget from the settings; the mock needs none."""
    limits = {"stripe": settings.STRIPE_CALLS_PER_SECOND, "marqeta": settings.MARQETA_CALLS_PER_SECOND}
    return float(limits.get(provider, 0))


def _make_stripe(gate: Gate) -> Issuer:
    from issuing.issuers.stripe.client import StripeIssuer

    return StripeIssuer(gate=gate)


def _make_marqeta(gate: Gate) -> Issuer:
    from issuing.issuers.marqeta.client import MarqetaIssuer

    return MarqetaIssuer(gate=gate)


def _make_mock(_gate: Gate) -> Issuer:
    from issuing.issuers.mock import MockIssuer

    if not settings.DEBUG:
        raise UnusableIssuerError("The mock issuer is for development: it needs DEBUG, and never meets real money.")
    return MockIssuer()


_MAKERS: dict[str, Callable[[Gate], Issuer]] = {
    "stripe": _make_stripe,
    "marqeta": _make_marqeta,
    "mock": _make_mock,
}
