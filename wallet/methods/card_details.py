"""What the processor says of a saved card, under the names of our columns."""

from typing import Any

from onecard.kit import clock
from wallet.methods import detachment
from wallet.models import FundingMethod, FundingType, Network
from wallet.processors.stripe.methods import SavedMethod

Status = FundingMethod.Status


def details(found: SavedMethod) -> dict[str, Any]:
    """Returns what can be read of the card: number and date, network, kind and country. What cannot is left out."""
    said: dict[str, Any] = {name: getattr(found, name) for name in ("last_four", "country", "fingerprint")}
    said["network"] = found.network if found.network in Network.values else ""
    said["funding_type"] = found.funding_type if found.funding_type in FundingType.values else ""
    if found.expiry_year and found.expiry_month:
        said |= {"expiry_year": found.expiry_year, "expiry_month": found.expiry_month}
    return {name: value for name, value in said.items() if value}


def without_taken_number(method: FundingMethod, changes: dict[str, Any]) -> dict[str, Any]:
    """Leaves the fingerprint out when another card of the wallet has that number. Under the wallet's lock."""
    fingerprint = changes.get("fingerprint", "")
    others = FundingMethod.objects.filter(cardholder=method.cardholder_id).exclude(status=Status.DETACHED)
    if not fingerprint or not others.filter(fingerprint=fingerprint).exclude(pk=method.pk).exists():
        return changes
    return {name: value for name, value in changes.items() if name != "fingerprint"}


def renewal(method: FundingMethod, changes: dict[str, Any]) -> dict[str, Any]:
    """Returns what a new date brings besides: a card that only its date had disabled pays again."""
    year, month = changes.get("expiry_year", method.expiry_year), changes.get("expiry_month", method.expiry_month)
    today = clock.local_day(clock.now(), method.cardholder.time_zone)
    if not method.is_only_expired or (year, month) < (today.year, today.month) or detachment.is_removed(method):
        return {}
    return {"status": Status.ACTIVE, "disabled_because": ""}
