"""Captures a hold on a funding card for what merchants took, or gives it up (policy hold_then_capture).

The hold stays until the purchase is over or the hold is about to lapse. Then come claim and commit, call, record and
commit, as for every charge. The claim fixes how much is captured: what falls away later is refunded.
"""

from audit import trail
from onecard.kit import clock
from onecard.kit.currency_units import stripe_step
from onecard.kit.transactions import transaction
from wallet import locking as wallet_locking
from wallet import states
from wallet.charges import outcomes
from wallet.charges.requests import ACTOR, CHARGES
from wallet.models import FundingCharge
from wallet.obligations import lifecycle as obligations
from wallet.processors import account_refusals
from wallet.processors.base import (
    AccountRefusedError,
    CaptureOrder,
    NotProcessedError,
    Outcome,
    OutcomeUnknownError,
    Processor,
)


def capture_or_give_up(*, charge_id: int, processor: Processor) -> None:
    """Captures a due hold, or gives it up when nothing is owed; only the winner of the claim asks the processor."""
    claimed, started_at = _claim(charge_id), clock.now()
    if claimed is None:
        return
    try:
        outcome = _ask(claimed, processor)
    except AccountRefusedError as error:
        account_refusals.refused(CHARGES.operation, error, started_at=started_at)
        CHARGES.try_later(claimed, error)
    except (NotProcessedError, OutcomeUnknownError) as error:
        CHARGES.try_later(claimed, error)
    else:
        if claimed.status == states.Charge.CAPTURING:
            account_refusals.answered(CHARGES.operation, started_at=started_at)
        outcomes.record(charge_id=claimed.pk, outcome=outcome, actor=ACTOR)


def _claim(charge_id: int) -> FundingCharge | None:
    """Claims the hold under the obligation's lock, so that the captured amount is fixed with the claim."""
    with transaction():
        obligation = wallet_locking.lock(
            FundingCharge.objects.values_list("obligation_id", flat=True).get(pk=charge_id)
        )
        due = FundingCharge.objects.filter(CHARGES.due(clock.now()), pk=charge_id, status__in=states.HOLDING)
        claimed = due.select_for_update(no_key=True, of=("self",)).select_related("method").first()
        if claimed is None:
            return None
        gives_up = obligation.status == states.Obligation.RELEASED
        if not gives_up and CHARGES.waits_for_account(claimed):
            return None
        rest = obligation.payable.minor % stripe_step(obligation.currency)
        if rest and not gives_up:
            obligations.carry_part(obligation, rest, actor=ACTOR)
        status = claimed.status if gives_up else states.Charge.CAPTURING
        if not CHARGES.claim(claimed, status=status):
            return None
        if status != claimed.status:
            trail.record(
                actor=ACTOR,
                action=f"charge.{status}",
                subject=claimed,
                was=claimed.status,
                amount_minor=obligation.payable.minor,
            )
    claimed.obligation, claimed.status = obligation, status
    return claimed


def _ask(claimed: FundingCharge, processor: Processor) -> Outcome:
    held = claimed.processor_charge_id or ""
    if claimed.obligation.status == states.Obligation.RELEASED:
        return processor.give_up(held)
    return processor.capture(
        CaptureOrder(
            # Each attempt has its own key: a stored error would be repeated for ever, and a second capture is refused
            # anyway.
            idempotency_key=f"capture-{claimed.public_id}-{claimed.attempts}",
            processor_charge_id=held,
            amount_minor=claimed.obligation.payable.minor,
            currency=claimed.obligation.currency,
        )
    )
