"""All that is money in the lives of purchases, to see that something moved nothing."""

from typing import Any

from issuing.models import Authorization, BalanceUse, Dispute, Hold, SpendWindow, VirtualCard
from wallet.models import FundingCharge, FundingObligation, FundingRefund, Posting

ROWS: list[tuple[Any, tuple[str, ...]]] = [
    (Posting, ("key",)),
    (FundingObligation, ("status", "amount_minor", "released_minor")),
    (FundingCharge, ("status", "amount_minor")),
    (FundingRefund, ("status", "amount_minor")),
    (Hold, ("status", "amount_minor", "released_minor")),
    (SpendWindow, ("spent_minor",)),
    (BalanceUse, ("amount_minor", "posted_minor")),
    (VirtualCard, ("balance_minor",)),
    (Authorization, ("status", "approved_minor")),
]


def money() -> dict[str, list[Any]]:
    """All that is booked, owed, asked for, given back, held, counted, on a card or disputed."""
    found = {model.__name__: list(model.objects.order_by("pk").values_list("pk", *fields)) for model, fields in ROWS}
    # One that contradicts is kept apart from all purchases (issuing/disputes/lifecycle.py).
    disputes = Dispute.objects.exclude(authorization=None).order_by("pk")
    return found | {"Dispute": list(disputes.values_list("pk", "status", "amount_minor"))}
