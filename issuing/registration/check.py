"""Asks each issuer how we are registered there and keeps what it says; pages show what was kept, and ask nobody."""

import datetime as dt
import logging
import time
from dataclasses import asdict, dataclass
from typing import Any, Final

import requests
from celery.exceptions import SoftTimeLimitExceeded
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q

from issuing.errors import CardRefusedError
from issuing.issuers.base import IssuerError
from issuing.issuers.registration import Finding
from issuing.issuers.registry import issuer_for
from issuing.models import IssuerRegistration, Provider
from issuing.operations.control import configured_providers
from issuing.registration.doors import SIGN_OF_LIFE, address_of, doors_of
from onecard.kit import clock
from onecard.kit.transactions import require_no_transaction, transaction
from onecard.outbox import services as outbox

log = logging.getLogger(__name__)

ADDRESS: Final = "address"
TIMEOUT_S: Final = (3.05, 5.0)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a registration; `checked_at` None: no issuer has answered yet."""

    findings: tuple[Finding, ...] = ()
    checked_at: dt.datetime | None = None
    problem: str = ""
    problem_at: dt.datetime | None = None

    @property
    def is_unanswered(self) -> bool:
        """Returns whether the issuer could not be asked since what is known was found."""
        return self.problem_at is not None and (self.checked_at is None or self.problem_at > self.checked_at)


def registered_providers() -> list[str]:
    """Returns the issuers that call us: all that are configured but the mock."""
    return [provider for provider in configured_providers() if provider != Provider.MOCK]


def kept(provider: str) -> Kept:
    """Returns what the last checks found; one row by a unique index."""
    row = IssuerRegistration.objects.filter(provider=provider).first()
    if row is None:
        return Kept()
    found = tuple(Finding(each["part"], each["code"], each["values"]) for each in row.findings)
    return Kept(found, row.checked_at, row.problem, row.problem_at)


def check_all() -> None:
    """Checks every issuer; the failure of one stops no other."""
    for provider in registered_providers():
        try:
            check(provider)
        except SoftTimeLimitExceeded:
            raise
        except Exception:
            log.exception("The registration at %s could not be checked.", provider)


def check(provider: str) -> Kept:
    """Asks an issuer and our own address, and keeps the result with its time; an earlier check overwrites no later one.

    Raises TransactionError inside a transaction.
    """
    require_no_transaction("A call to an issuer")
    started_at, address = clock.now(), address_of(provider)
    try:
        found = issuer_for(provider).read_registration(doors_of(provider, address)).findings
    except (IssuerError, ImproperlyConfigured) as error:
        sentence = getattr(error, "message", "") or str(error)
        log.warning("The registration at %s could not be checked: %s", provider, sentence)
        _keep(provider, started_at, "problem_at", problem=sentence[:300])
    else:
        findings = [asdict(each) for each in (reached(address), *found)]
        _keep(provider, started_at, "checked_at", findings=findings)
    return kept(provider)


def ask_for_check(*, provider: str, actor: str) -> None:
    """Writes the message that has a worker check now; raises CardRefusedError for an issuer that calls nobody."""
    if provider not in registered_providers():
        raise CardRefusedError(f"There is no issuer {provider!r} that calls us.")
    with transaction():
        outbox.put(topic="registration.check_requested", provider=provider, actor=actor)


def reached(address: str) -> Finding:
    """Asks our own public address for a sign of life, from here."""
    began = time.monotonic()
    try:
        answer = requests.get(f"{address}{SIGN_OF_LIFE}", timeout=TIMEOUT_S, allow_redirects=False)
        is_ours = answer.status_code == 200 and answer.json().get("status") == "alive"
        why = "" if is_ours else f"HTTP {answer.status_code}"
    except (requests.RequestException, ValueError, AttributeError) as error:
        why = type(error).__name__
    if why:
        return Finding(ADDRESS, "address_silent", {"url": address, "why": why})
    took_ms = round((time.monotonic() - began) * 1000)
    return Finding(ADDRESS, "address_answers", {"url": address, "took_ms": str(took_ms)})


def _keep(provider: str, started_at: dt.datetime, when: str, **values: Any) -> None:
    IssuerRegistration.objects.get_or_create(provider=provider)
    is_newest = Q(**{when: None}) | Q(**{f"{when}__lt": started_at})
    IssuerRegistration.objects.filter(is_newest, provider=provider).update(**{when: started_at}, **values)
