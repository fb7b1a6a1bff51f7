"""What a decline means for the card: how long routing leaves it out, and whether it may be tried again.

Stripe does not group its decline codes. The groups are ours, by what the bank is likely to answer next.
"""

import datetime as dt

from django.db.models import Q, QuerySet

from audit import trail
from onecard.kit import clock
from wallet.methods import usable as methods
from wallet.methods.cooling import COOLED_DOWN
from wallet.models import FundingCharge, FundingMethod
from wallet.processors.base import Outcome
from wallet.processors.blame import Blame
from wallet.states import Charge

# The card will never work again, or its bank said so: the cardholder has to act.
EXPIRED = "expired_card"
NEVER_AGAIN = frozenset(
    {
        EXPIRED,
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
# The bank may say yes on another day.
RETRY_LATER = frozenset({"insufficient_funds", "card_velocity_exceeded", "withdrawal_count_limit_exceeded"})
# The bank gives no reason: try once more later, and then stop, because networks fine repeated attempts.
RETRY_ONCE = frozenset(
    {
        "card_declined",
        "do_not_honor",
        "generic_decline",
        "call_issuer",
        "no_action_taken",
        "service_not_allowed",
        "not_permitted",
        "transaction_not_allowed",
        "security_violation",
    }
)
# The card was disabled, so its bank was not asked.
NOT_ACTIVE = "method_not_active"
SOON, LATER = dt.timedelta(minutes=15), dt.timedelta(hours=24)


def blames_method(outcome: Outcome) -> bool:
    """Returns whether the failure is about this card, so that its next purchase would fail too."""
    return outcome.blame == Blame.CARD


def may_be_retried(charge: FundingCharge, *, attempts: int) -> bool:
    """Returns whether the decline was soft, after `attempts` charges of this card. An unknown code is hard."""
    if charge.status != Charge.DECLINED:
        return False
    code = charge.failure_code
    return code in RETRY_SOON or code in RETRY_LATER or (code in RETRY_ONCE and attempts < 2)


def sentence(method: FundingMethod, failure: Outcome | FundingCharge) -> str:
    """Returns the failure as a sentence for staff."""
    return f"{method}: {failure.failure_message or failure.failure_code or failure.status}"


def cool_down(method: FundingMethod, failure_code: str, *, actor: str, charge_id: int | None = None) -> None:
    """Takes a declined card out of routing for good, for a day or for minutes, by its decline code.

    A disabled card stays as it is: whoever enables it again finds it unchanged. The trail keeps the charge, which says
    what the card rests for (wallet/methods/cooling.py).
    """
    if failure_code == NOT_ACTIVE:
        return
    methods.lock_wallet(method.cardholder_id)
    rows = FundingMethod.objects.filter(pk=method.pk)
    if failure_code in NEVER_AGAIN:
        _disable(rows, failure_code)
    else:
        until = clock.now() + (SOON if failure_code in RETRY_SOON else LATER)
        # A milder decline never shortens a longer pause.
        rows.filter(Q(cooling_until=None) | Q(cooling_until__lt=until)).update(cooling_until=until)
    trail.record(actor=actor, action=COOLED_DOWN, subject=method, failure_code=failure_code, charge=charge_id)


def _disable(rows: QuerySet[FundingMethod], failure_code: str) -> None:
    """Disables a card; one that was disabled for another reason than its date keeps that."""
    disabled = FundingMethod.Status.DISABLED
    if failure_code == EXPIRED:
        rows.filter(status=FundingMethod.Status.ACTIVE).update(
            status=disabled, disabled_because=FundingMethod.Why.EXPIRED
        )
    else:
        rows.update(status=disabled, disabled_because="")
