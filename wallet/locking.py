"""The locks under which a purchase's money changes, in this order: the purchase, then its obligations."""

from onecard.kit.transactions import lock_name
from wallet.models import FundingObligation


def lock_purchase(purchase: str) -> None:
    """Locks a purchase's money by its reference, before its obligations: it may have none yet."""
    lock_name(f"onecard.settlement:{purchase}")


def lock_obligations(purchase: str) -> list[FundingObligation]:
    """Locks a purchase's money, then all of its obligations by key, and returns these; there may be none."""
    lock_purchase(purchase)
    rows = FundingObligation.objects.select_for_update(no_key=True, of=("self",))
    return list(rows.filter(purchase=purchase).order_by("pk"))


def lock(obligation_id: int) -> FundingObligation:
    """Locks an obligation. Its charges are locked after it."""
    return FundingObligation.objects.select_for_update(no_key=True, of=("self",)).get(pk=obligation_id)
