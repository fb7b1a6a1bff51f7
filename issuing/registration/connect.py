"""Registers us at an issuer, or repairs how we are registered there; a second run changes nothing.

Two that run at once make one of each thing. They send the same bodies. At Stripe they have the same idempotency key,
made of what both saw in the list of endpoints; at Marqeta a thing has a token of our choice, which exists once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.conf import settings

from audit import trail
from issuing.issuers import errors
from issuing.issuers.base import Issuer, RefusedError
from issuing.issuers.registration import Doors, Finding, Registration, Repair, Repaired
from issuing.issuers.registry import issuer_for
from issuing.models import IssuerControl, IssuerRegistration, Provider
from issuing.registration import check
from issuing.registration.doors import checked_address, doors_of
from issuing.registration.words import state_of_finding
from onecard.kit.errors import OneCardError
from onecard.kit.transactions import require_no_transaction, transaction

NEEDED: Final = {
    Provider.STRIPE: ("STRIPE_API_KEY",),
    Provider.MARQETA: (
        "MARQETA_BASE_URL",
        "MARQETA_APPLICATION_TOKEN",
        "MARQETA_ADMIN_ACCESS_TOKEN",
        "MARQETA_CARD_PRODUCT_TOKEN",
        "MARQETA_JIT_USERNAME",
        "MARQETA_JIT_PASSWORD",
        "MARQETA_WEBHOOK_USERNAME",
        "MARQETA_WEBHOOK_PASSWORD",
    ),
}
OnFound = Callable[[tuple[Finding, ...]], None]
OnRepaired = Callable[[Repair, Repaired], None]


class NotConfiguredError(OneCardError):
    """Our settings lack what the issuer has to be told or asked with."""

    code = "not_configured"


@dataclass(frozen=True, slots=True)
class Connection:
    """What was found at first, the repairs that it needed, and what is still not as it must be."""

    before: tuple[Finding, ...]
    repairs: tuple[Repair, ...]
    left: tuple[Finding, ...]


def plan(*, provider: str, address: str, renew: bool = False) -> Connection:
    """Returns what `connect` would do, and changes nothing; raises as `connect` does."""
    found = _read(provider, address, renew=renew)
    return Connection(found.findings, found.repairs, _wrong(found))


def connect(
    *, provider: str, address: str, actor: str, on_found: OnFound, on_repaired: OnRepaired, renew: bool = False
) -> Connection:
    """Puts right what is wrong, remembers the address for later checks, and reads again what it has done.

    `on_found` gets what is found before anything is changed. `on_repaired` gets each repair at once: Stripe shows a
    secret once, so nothing may come between.
    Raises AddressRefusedError, NotConfiguredError, and IssuerError; what was repaired by then stays so.
    """
    require_no_transaction("A call to an issuer")
    found = _read(provider, address, renew=renew)
    base = checked_address(address, provider=provider)
    on_found(found.findings)
    _remember(provider, base)
    for repair in found.repairs:
        on_repaired(repair, _carry_out(issuer_for(provider), repair))
        _record(provider, repair, actor)
    check.check(provider)
    return Connection(found.findings, found.repairs, _wrong(_look(provider, doors_of(provider, base))))


def _read(provider: str, address: str, *, renew: bool) -> Registration:
    if missing := [name for name in NEEDED[Provider(provider)] if not getattr(settings, name)]:
        raise NotConfiguredError(f"Set {', '.join(missing)} first: the issuer cannot be asked, or told, without.")
    return _look(provider, doors_of(provider, checked_address(address, provider=provider)), renew=renew)


def _look(provider: str, doors: Doors, *, renew: bool = False) -> Registration:
    return issuer_for(provider).read_registration(doors, renew=renew)


def _carry_out(issuer: Issuer, repair: Repair) -> Repaired:
    try:
        return issuer.repair_registration(repair)
    except RefusedError as error:
        if error.code != errors.KEY_REUSED:
            raise RefusedError(f"The issuer refused a change ({repair.code}). {error.message}") from error
        # Another run made it a moment ago, or long ago with other values: what is left of it is said at the end.
        return Repaired("")


def _remember(provider: str, address: str) -> None:
    IssuerRegistration.objects.update_or_create(provider=provider, defaults={"address": address})


def _record(provider: str, repair: Repair, actor: str) -> None:
    with transaction():
        control, _ = IssuerControl.objects.get_or_create(provider=provider)
        trail.record(actor=actor, action=f"issuer.{repair.code}", subject=control, thing=repair.target, **repair.values)


def _wrong(found: Registration) -> tuple[Finding, ...]:
    return tuple(each for each in found.findings if state_of_finding(each) != "good")
