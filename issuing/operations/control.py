"""What staff see and set for each issuer: fallback, breaker and read-only mode (availability.py)."""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit import trail
from audit.models import Entry
from issuing.errors import CardRefusedError
from issuing.issuers.guard import breaker
from issuing.issuers.guard.rate_budget import SHARE
from issuing.models import IssuerControl, Provider, SyncRun
from issuing.operations import availability
from issuing.operations.availability import Availability
from onecard.kit.reasons import checked_reason
from onecard.kit.transactions import require_no_transaction, transaction

READ_ONLY_ENTERED = "issuer.read_only_entered"
AUTHENTICATION_FAILED = "issuer.authentication_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerStatus:
    """One issuer as staff see it; `calls_per_second` is our own limit, 0 for none."""

    provider: str
    name: str
    uses: str
    availability: Availability
    read_only_until: dt.datetime | None
    read_only_entry: Entry | None
    authentication_entry: Entry | None
    calls_per_second: float
    last_sync: SyncRun | None


def configured_providers() -> list[str]:
    """Returns the issuers that this deployment can reach, the one for new cards first."""
    usable = {"stripe": settings.STRIPE_API_KEY, "marqeta": settings.MARQETA_BASE_URL, "mock": settings.DEBUG}
    chosen = [settings.ISSUER_PROVIDER, settings.ISSUER_BACKUP_PROVIDER]
    return list(dict.fromkeys(name for name in [*chosen, *(key for key, have in usable.items() if have)] if name))


def issuer_statuses() -> list[IssuerStatus]:
    """Returns the status of every configured issuer: a few rows by index and one Redis script for each."""
    controls = {control.provider: control for control in IssuerControl.objects.all()}
    entries = _latest_entries(controls)
    return [_status_of(provider, controls.get(provider), entries) for provider in configured_providers()]


def read_only_issuers() -> list[Availability]:
    """Returns the issuers at which no card can be made or changed now."""
    return [status for status in map(availability.of, configured_providers()) if status.read_only]


def allow_fallback(*, provider: str, allowed: bool, reason: str, actor: str) -> IssuerControl:
    """Sets whether new cards may be made at the backup while this issuer is down; raises CardRefusedError."""
    reason = _checked(provider, reason)
    with transaction():
        IssuerControl.objects.get_or_create(provider=provider)
        control = IssuerControl.objects.select_for_update(no_key=True).get(provider=provider)
        control.fallback_allowed = allowed
        control.save(update_fields=["fallback_allowed", "updated_at"])
        verb = "allowed" if allowed else "forbidden"
        trail.record(actor=actor, action=f"issuer.fallback_{verb}", subject=control, reason=reason)
    return control


def close_breaker(*, provider: str, reason: str, actor: str) -> None:
    """Lets calls go to an issuer again at once after failures; raises CardRefusedError without a reason."""
    require_no_transaction("A word to Redis")
    reason = _checked(provider, reason)
    with transaction():
        control, _ = IssuerControl.objects.get_or_create(provider=provider)
        trail.record(actor=actor, action="issuer.breaker_closed", subject=control, reason=reason)
    breaker.close_breaker(provider)


def leave_read_only(*, provider: str, reason: str, actor: str) -> IssuerControl:
    """Ends read-only mode that was entered by hand, with a reason; raises CardRefusedError."""
    return availability.leave_read_only(provider=provider, actor=actor, reason=_checked(provider, reason))


def _status_of(provider: str, control: IssuerControl | None, entries: dict[tuple[str, str], Entry]) -> IssuerStatus:
    key = str(control.pk) if control else ""
    uses = {
        settings.ISSUER_PROVIDER: _("New cards"),
        settings.ISSUER_BACKUP_PROVIDER: _("New cards while the first is down"),
    }
    limits = {"stripe": settings.STRIPE_CALLS_PER_SECOND, "marqeta": settings.MARQETA_CALLS_PER_SECOND}
    return IssuerStatus(
        provider=provider,
        name=str(Provider(provider).label),
        uses=uses.get(provider, _("Cards that it made")),
        availability=availability.of(provider),
        read_only_until=control.read_only_until if control else None,
        read_only_entry=entries.get((key, READ_ONLY_ENTERED)),
        authentication_entry=entries.get((key, AUTHENTICATION_FAILED)),
        calls_per_second=limits.get(provider, 0) * SHARE,
        last_sync=SyncRun.objects.filter(provider=provider).order_by("-pk").first(),
    )


def _latest_entries(controls: dict[str, IssuerControl]) -> dict[tuple[str, str], Entry]:
    """Returns the audit entries of who made each issuer read-only last and when credentials failed last."""
    rows = Entry.objects.filter(
        subject_type="issuercontrol",
        subject_id__in=[str(control.pk) for control in controls.values()],
        action__in=(READ_ONLY_ENTERED, AUTHENTICATION_FAILED),
    )
    latest = rows.order_by("subject_id", "action", "-pk").distinct("subject_id", "action")
    return {(entry.subject_id, entry.action): entry for entry in latest}


def _checked(provider: str, reason: str) -> str:
    if provider not in Provider.values:
        raise CardRefusedError(format_lazy(gettext_lazy("There is no issuer {provider}."), provider=repr(provider)))
    return checked_reason(reason, error=CardRefusedError)
