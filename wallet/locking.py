"""The locks under which the money of a purchase is changed, in this order: the purchase, then its obligations."""

from onecard.kit.transactions import lock_name
from wallet.models import FundingObligation


def lock_purchase(purchase: str) -> None:
    """Locks a purchase's money by its name, before its obligations: there may be none yet."""
    lock_name(f"onecard.settlement:{purchase}")


def lock(obligation_id: int) -> FundingObligation:
    """Locks an obligation: the one order is obligation first, then its charges."""
    return FundingObligation.objects.select_for_update(no_key=True, of=("self",)).get(pk=obligation_id)
