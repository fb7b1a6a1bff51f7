"""The approval that waits for its money the longest."""

from django.db.models import Exists, OuterRef

from wallet.models import Case, FundingCharge, FundingObligation
from wallet.obligations.lifecycle import ASK_FOR_MONEY
from wallet.states import Charge, Obligation

# A charge in one of these has taken nothing yet; the partial indexes charge_due and charge_needs_person hold them.
_UNDER_WAY = (Charge.INTENDED, Charge.SENDING, Charge.UNKNOWN, Charge.PROCESSING)


def oldest_uncharged() -> FundingObligation | None:
    """Returns the oldest obligation that is open or whose charge failed, and for which no person was asked.

    What has or had a case is among the cases: there it is paid, written off or settled outside. Reads what waits and no
    settled row.
    """
    asked = Case.objects.filter(kind__in=ASK_FOR_MONEY)
    failed = FundingObligation.objects.filter(
        ~Exists(asked.filter(obligation=OuterRef("pk"))), status=Obligation.FAILED
    )
    obligations = failed.order_by("created_at")[:1]
    no_case = ~Exists(asked.filter(obligation=OuterRef("obligation")))
    waiting = [
        FundingCharge.objects.filter(no_case, status__in=_UNDER_WAY, obligation__status=Obligation.OPEN),
        FundingCharge.objects.filter(no_case, status=Charge.REQUIRES_ACTION, obligation__status=Obligation.OPEN),
    ]
    oldest = [charges.select_related("obligation").order_by("obligation__created_at").first() for charges in waiting]
    found = [*obligations, *(charge.obligation for charge in oldest if charge is not None)]
    return min(found, key=lambda each: each.created_at, default=None)
