"""What an issuer says of a person's identity, in words that every issuer shares; issuing/handlers/identity.py reads it.

An issuer may put a verified person in doubt and take its own doubt back. It never verifies anybody by itself: that is
the check of our staff (wallet/kyc/review.py).
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from onecard.kit.transactions import require_transaction
from wallet.kyc import flags
from wallet.kyc.moves import lock_person, move, move_review, open_review_of
from wallet.models import Cardholder, KycEvent
from wallet.states import KYC_MOVES, ComplianceFlag, KycStatus


class ReportedStatus(StrEnum):
    """The identity status that an issuer reports; a later one in this list is worse."""

    GOOD = "good"
    UNDER_REVIEW = "under_review"
    NEEDS_MORE = "needs_more"
    REJECTED = "rejected"


WORST_LAST: Final = tuple(ReportedStatus)
TARGETS: Final = {
    ReportedStatus.GOOD: KycStatus.VERIFIED,
    ReportedStatus.UNDER_REVIEW: KycStatus.PENDING,
    ReportedStatus.NEEDS_MORE: KycStatus.NEEDS_MORE,
    ReportedStatus.REJECTED: KycStatus.REJECTED,
}


def follow(
    *,
    cardholder_id: int,
    actor: str,
    reported: ReportedStatus,
    reason: str,
    asked: Sequence[str] = (),
    listed: bool = False,
) -> str:
    """Moves the person as an issuer's newest report says, in the caller's transaction; returns the status.

    `actor` is the issuer, `listed` that it found the person on a sanctions list. A report that calls for no legal move
    changes nothing. Raises TransactionError outside a transaction.
    """
    require_transaction("A report of an issuer about a person")
    holder = lock_person(cardholder_id)
    if listed and ComplianceFlag.SANCTIONS not in holder.compliance_flags:
        flags.set_flag(cardholder_id=holder.pk, flag=ComplianceFlag.SANCTIONS, reason=reason, actor=actor)
    target = TARGETS[reported]
    if not _calls_for(holder, reported, actor):
        return holder.kyc_status
    if target == KycStatus.REJECTED:
        _end_review(holder, actor=actor, reason=reason)
    move(holder, target, actor=actor, reason=reason, asked=asked)
    return holder.kyc_status


def _calls_for(holder: Cardholder, reported: ReportedStatus, actor: str) -> bool:
    target = TARGETS[reported]
    if holder.kyc_status == target or target not in KYC_MOVES[holder.kyc_status]:
        return False
    if reported == ReportedStatus.GOOD:
        return _was_verified_before(holder, actor)
    # A person who was never verified here, or was rejected, is not taken up by an issuer.
    return holder.kyc_status not in (KycStatus.NOT_STARTED, KycStatus.REJECTED)


def _was_verified_before(holder: Cardholder, actor: str) -> bool:
    """Returns whether only this issuer's doubts stand between the person and our own verification."""
    events = KycEvent.objects.filter(cardholder=holder)
    others = events.exclude(actor=actor).order_by("-pk").first()
    first = events.order_by("pk").first()
    before = others.to_status if others else first.from_status if first else ""
    return before == KycStatus.VERIFIED


def _end_review(holder: Cardholder, *, actor: str, reason: str) -> None:
    review = open_review_of(holder)
    if review is not None:
        move_review(review, KycStatus.REJECTED, actor=actor, reason=reason)
