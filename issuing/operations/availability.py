"""Whether cards may be made and changed at an issuer now: read-only mode and the backup issuer.

Staff or the breaker set read-only mode. It concerns cards only: purchases are decided, events are taken and everything
can be read, because none of these asks the issuer (docs/decisions/0011).
"""

import datetime as dt
import math
from dataclasses import dataclass, replace
from typing import Literal

from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from audit import trail
from issuing.errors import CardRefusedError, ReadOnlyError
from issuing.issuers.guard.breaker import BreakerState, breaker_state
from issuing.models import IssuerControl, Provider
from onecard.kit import clock
from onecard.kit.reasons import checked_reason
from onecard.kit.transactions import transaction

# The wait that is suggested when staff set read-only mode without an end.
LATER_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """Whether an issuer takes changes; `by` says who made it read-only, "" for nobody."""

    provider: str
    fallback_allowed: bool
    breaker: BreakerState
    by: Literal["", "hand", "breaker"] = ""
    reason: str = ""
    retry_after_s: float = 0.0

    @property
    def read_only(self) -> bool:
        return bool(self.by)


def of(provider: str) -> Availability:
    """Returns whether an issuer takes changes now; without Redis its breaker counts as closed."""
    control = IssuerControl.objects.filter(provider=provider).first()
    availability = Availability(
        provider=provider,
        fallback_allowed=control is None or control.fallback_allowed,
        breaker=breaker_state(provider),
    )
    if control is not None and _is_closed_by_hand(control):
        wait_s = _seconds_until(control.read_only_until)
        return replace(availability, by="hand", reason=control.read_only_reason, retry_after_s=wait_s)
    if availability.breaker.state == "open":
        reason = "The issuer did not answer several times in a row."
        return replace(availability, by="breaker", reason=reason, retry_after_s=availability.breaker.retry_after_s)
    return availability


def refuse_when_read_only(provider: str) -> None:
    """Raises ReadOnlyError, with the seconds to wait, while this issuer takes no changes."""
    availability = of(provider)
    if availability.read_only:
        raise ReadOnlyError(
            format_lazy(
                gettext_lazy(
                    "Cards cannot be made or changed at the moment. Cards that work go on working. Please "
                    "try again in {wait}."
                ),
                wait=_in_words(availability.retry_after_s),
            ),
            retry_after_s=availability.retry_after_s,
        )


def open_provider(wanted: str) -> str:
    """Returns the issuer for a new card: the wanted one, or the backup while it is read-only and policy allows that."""
    availability = of(wanted)
    backup = backup_of(availability) if availability.read_only else None
    return backup or wanted


def backup_of(availability: Availability) -> str | None:
    """Returns the backup issuer if there is one, policy allows it and it takes changes itself; otherwise None."""
    backup = str(settings.ISSUER_BACKUP_PROVIDER)
    if not backup or backup == availability.provider or not availability.fallback_allowed:
        return None
    return None if of(backup).read_only else backup


def enter_read_only(*, provider: str, reason: str, actor: str, until: dt.datetime | None = None) -> IssuerControl:
    """Stops the making and changing of cards at an issuer; raises CardRefusedError without a reason."""
    if provider not in Provider.values:
        raise CardRefusedError(format_lazy(gettext_lazy("There is no issuer {provider}."), provider=repr(provider)))
    reason = checked_reason(reason, error=CardRefusedError)
    if until is not None and until <= clock.now():
        raise CardRefusedError(gettext_lazy("The end of read-only mode lies in the past."))
    return _set(provider, actor, reason, read_only=True, read_only_reason=reason, read_only_until=until)


def leave_read_only(*, provider: str, actor: str, reason: str = "") -> IssuerControl:
    """Ends read-only mode that staff set. A breaker closes by itself when the issuer answers again."""
    return _set(provider, actor, reason, read_only=False, read_only_reason="", read_only_until=None)


def _set(provider: str, actor: str, reason: str, **values: object) -> IssuerControl:
    with transaction():
        control, _ = IssuerControl.objects.get_or_create(provider=provider)
        control = IssuerControl.objects.select_for_update(no_key=True).get(pk=control.pk)
        for name, value in values.items():
            setattr(control, name, value)
        control.save()
        verb = "entered" if control.read_only else "left"
        trail.record(actor=actor, action=f"issuer.read_only_{verb}", subject=control, reason=reason)
    return control


def _is_closed_by_hand(control: IssuerControl) -> bool:
    over = control.read_only_until is not None and control.read_only_until <= clock.now()
    return control.read_only and not over


def _seconds_until(moment: dt.datetime | None) -> float:
    return LATER_S if moment is None else max(1.0, (moment - clock.now()).total_seconds())


def _in_words(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, math.ceil(seconds))} seconds"
    if seconds < 5400:
        return f"{math.ceil(seconds / 60)} minutes"
    return f"{math.ceil(seconds / 3600)} hours"
