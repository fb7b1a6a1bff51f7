"""Ends verifications at their due date: the person is asked again, and cannot buy until then."""

from onecard.kit import clock
from onecard.kit.sweeper import each_in_turn
from onecard.kit.transactions import transaction
from wallet.kyc.moves import lock_person, move
from wallet.models import Cardholder
from wallet.states import KycStatus

ACTOR = "system:kyc_expiry"
REASON = "The verification is too old. Check the profile, and submit it again."


def sweep() -> int:
    """Ends each verification whose time is over; returns how many it looked at. Safe concurrently and repeated."""
    over = Cardholder.objects.filter(kyc_status=KycStatus.VERIFIED, kyc_due_at__lte=clock.now())
    pks = list(over.order_by("kyc_due_at").values_list("pk", flat=True)[:1000])
    return each_in_turn(pks, expire, what="verification")


def expire(cardholder_id: int) -> None:
    """Ends one verification if its time is over under the lock."""
    with transaction():
        holder = lock_person(cardholder_id)
        is_over = holder.kyc_due_at is not None and holder.kyc_due_at <= clock.now()
        if is_over and holder.kyc_status == KycStatus.VERIFIED:
            move(holder, KycStatus.EXPIRED, actor=ACTOR, reason=REASON, asked=[REASON])
