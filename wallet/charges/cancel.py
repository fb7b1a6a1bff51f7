"""Cancels a charge that waits for an absent cardholder, so that another card can be charged.

A top-up has no other card: it fails, and its holder may ask for it again.
"""

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import replace

from onecard.kit import clock
from onecard.kit.transactions import require_no_transaction, transaction
from wallet import cases, states
from wallet import locking as wallet_locking
from wallet.charges import declines, outcomes
from wallet.models import Case, FundingCharge
from wallet.processors.base import AccountRefusedError, NotProcessedError, Outcome, OutcomeUnknownError
from wallet.processors.stripe import methods as stripe_methods

log = logging.getLogger(__name__)

# When the processor gives no answer for this long, a person takes over.
UNANSWERED_FOR = dt.timedelta(hours=1)

Cancel = Callable[[str], Outcome | None]


def cancel_waiting(*, obligation_id: int, actor: str, cancel: Cancel = stripe_methods.cancel) -> None:
    """Has the processor cancel the waiting charge and records the state that it reports, a late success included.

    If that fails the charge goes on waiting, with a case: another card might be a second payment. Raises
    TransactionError inside a transaction.
    """
    require_no_transaction("A call to the processor")
    waiting = FundingCharge.objects.filter(obligation_id=obligation_id, status=states.Charge.REQUIRES_ACTION)
    charge = waiting.select_related("obligation", "method").first()
    if charge is None:
        return
    try:
        outcome = cancel(charge.processor_charge_id) if charge.processor_charge_id else None
    except (NotProcessedError, OutcomeUnknownError) as error:
        log.warning("charge %s could not be called off yet: %s", charge.public_id, error.message)
        if isinstance(error, AccountRefusedError) or clock.now() - charge.updated_at < UNANSWERED_FOR:
            return  # The sweeper tries again.
        outcome = None
    if outcome is None or outcome.status == states.Charge.REQUIRES_ACTION:
        _leave_to_a_person(charge)
    else:
        outcomes.record(charge_id=charge.pk, outcome=_with_its_reason(charge, outcome), actor=actor)


def _with_its_reason(charge: FundingCharge, outcome: Outcome) -> Outcome:
    """Stores why the charge was canceled: the bank wanted the cardholder, who was not there."""
    if outcome.status != states.Charge.CANCELED:
        return outcome
    return replace(outcome, failure_code=charge.failure_code, failure_message=charge.failure_message)


def _leave_to_a_person(charge: FundingCharge) -> None:
    with transaction():
        obligation = wallet_locking.lock(charge.obligation_id)
        still = FundingCharge.objects.filter(pk=charge.pk, status=states.Charge.REQUIRES_ACTION)
        if obligation.status == states.Obligation.OPEN and still.exists():
            cases.open_obligation_case(
                kind=Case.Kind.FUNDING_NEEDS_CARDHOLDER,
                obligation=obligation,
                summary=declines.sentence(charge.method, charge),
            )
