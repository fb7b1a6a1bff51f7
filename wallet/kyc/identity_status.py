"""Where a person's identity check stands, in words for the person."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from wallet.kyc.fields import missing
from wallet.kyc.review import is_renewable
from wallet.models import Cardholder, KycEvent
from wallet.states import KycStatus

MOST_EVENTS: Final = 20
SENTENCES: Final[dict[str, str]] = {
    KycStatus.NOT_STARTED: "Complete your profile and submit it; then your card can be made.",
    KycStatus.PENDING: "We are checking your identity. This takes up to two working days.",
    KycStatus.NEEDS_MORE: "We need something more of you before the card works.",
    KycStatus.VERIFIED: "Your identity is verified.",
    KycStatus.REJECTED: "We could not verify your identity. Our support can tell you more.",
    KycStatus.EXPIRED: "Your identity was verified too long ago. Check your profile and submit it again.",
}
RENEW: Final = "Your identity is verified, and that ends soon. Check your profile and submit it again."
SUBMITTABLE: Final = (KycStatus.NOT_STARTED, KycStatus.NEEDS_MORE, KycStatus.EXPIRED)


@dataclass(frozen=True, slots=True)
class IdentityStatus:
    """What the person reads; `history` has the newest moves first."""

    status: str
    sentence: str
    missing: list[str]
    asked: list[str]
    may_submit: bool
    verified_until: dt.datetime | None
    history: list[dict[str, Any]]


def of(holder: Cardholder) -> IdentityStatus:
    """Returns where a person's check stands; of a person without a row, that it has not begun."""
    events = list(KycEvent.objects.filter(cardholder=holder.pk)[:MOST_EVENTS]) if holder.pk else []
    lacking, is_soon = missing(holder), is_renewable(holder)
    is_asked = bool(events) and events[0].to_status == holder.kyc_status
    return IdentityStatus(
        status=holder.kyc_status,
        sentence=RENEW if is_soon else SENTENCES[holder.kyc_status],
        missing=lacking,
        asked=[str(words) for words in events[0].asked] if is_asked else [],
        may_submit=not lacking and (holder.kyc_status in SUBMITTABLE or is_soon),
        verified_until=holder.kyc_due_at,
        history=[{"status": each.to_status, "reason": each.reason, "at": each.recorded_at} for each in events],
    )
