"""The approval that waits for its money the longest."""

from wallet.models import FundingCharge, FundingObligation
from wallet.states import Charge, Obligation

# A charge in one of these has taken nothing yet; the partial indexes charge_due and charge_needs_person hold them.
_UNDER_WAY = (Charge.INTENDED, Charge.SENDING, Charge.UNKNOWN, Charge.PROCESSING)


def oldest_uncharged() -> FundingObligation | None:
    """Returns the oldest obligation that is open or whose charge failed; it reads what waits and no settled row."""
    obligations = FundingObligation.objects.filter(status=Obligation.FAILED).order_by("created_at")[:1]
    waiting = [
        FundingCharge.objects.filter(status__in=_UNDER_WAY, obligation__status=Obligation.OPEN),
        FundingCharge.objects.filter(status=Charge.REQUIRES_ACTION, obligation__status=Obligation.OPEN),
    ]
    oldest = [charges.select_related("obligation").order_by("obligation__created_at").first() for charges in waiting]
    found = [*obligations, *(charge.obligation for charge in oldest if charge is not None)]
    return min(found, key=lambda each: each.created_at, default=None)
