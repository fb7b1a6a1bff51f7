"""What a decline says about the card: how long it stays out of routing (grouping is ours; Stripe, decline codes)."""

import datetime as dt

from audit import trail
from onecard.kit import clock
from wallet.models import FundingMethod

# The card will never work again, or its bank said so: the person must look at it.
NEVER_AGAIN = frozenset(
    {
        "expired_card",
        "lost_card",
        "stolen_card",
        "pickup_card",
        "restricted_card",
        "invalid_account",
        "new_account_information_available",
        "revocation_of_authorization",
        "revocation_of_all_authorizations",
        "stop_payment_order",
        "do_not_try_again",
        "fraudulent",
        "merchant_blacklist",
    }
)
RETRY_SOON = frozenset(
    {"processing_error", "reenter_transaction", "issuer_not_available", "approve_with_id", "try_again_later"}
)
SOON, LATER = dt.timedelta(minutes=15), dt.timedelta(hours=24)


def cool_down(method: FundingMethod, failure_code: str, *, actor: str) -> None:
    """Takes a declined method out of routing: for good, for a day, or for minutes, by what the bank said."""
    if failure_code in NEVER_AGAIN:
        changes: dict[str, object] = {"status": FundingMethod.Status.DISABLED}
    else:
        changes = {"cooling_until": clock.now() + (SOON if failure_code in RETRY_SOON else LATER)}
    FundingMethod.objects.filter(pk=method.pk).update(**changes)
    trail.record(actor=actor, action="method.cooled_down", subject=method, failure_code=failure_code)
