"""What a funding card holds for a purchase is captured for what merchants took, or given up (hold_then_capture).

Held until the purchase is over or the hold is about to lapse; then claim and commit, call, record and commit, as for
every charge. How much is taken is fixed by the claim: what falls away later is a refund.
"""

import datetime as dt
import logging

from django.db.models import F

from audit import trail
from onecard.kit import clock
from onecard.kit.attempts import CLAIM
from onecard.kit.backoff import backoff_s
from onecard.kit.currency_units import stripe_step
from onecard.kit.transactions import transaction
from wallet import cases, states
from wallet import locking as wallet_locking
from wallet.charges import outcomes
from wallet.models import Case, FundingCharge
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
from wallet.retry_policy import ATTEMPTS_BEFORE_CASE

log = logging.getLogger(__name__)

ACTOR = "system:funding"
CHARGES = account_refusals.Operation.CHARGES


def settle(*, charge_id: int, processor: Processor) -> None:
    """Captures a hold that is due, or gives it up when nothing is owed; only whoever wins the claim calls."""
    claimed, started_at = _claim(charge_id), clock.now()
    if claimed is None:
        return
    try:
        outcome = _ask(claimed, processor)
    except AccountRefusedError as error:
        account_refusals.refused(CHARGES, error, started_at=started_at)
        _try_later(claimed, error.message, tells=False)
    except (NotProcessedError, OutcomeUnknownError) as error:
        _try_later(claimed, error.message)
    else:
        if claimed.status == states.Charge.CAPTURING:
            account_refusals.answered(CHARGES, started_at=started_at)
        outcomes.record(charge_id=claimed.pk, outcome=outcome, actor=ACTOR)


def _claim(charge_id: int) -> FundingCharge | None:
    """The obligation is locked first, so that how much is captured is settled with the claim."""
    now = clock.now()
    with transaction():
        obligation = wallet_locking.lock(
            FundingCharge.objects.values_list("obligation_id", flat=True).get(pk=charge_id)
        )
        due = FundingCharge.objects.filter(pk=charge_id, status__in=states.HOLDING, next_attempt_at__lte=now)
        claimed = due.select_for_update(no_key=True, of=("self",)).select_related("method").first()
        if claimed is None:
            return None
        gives_up = obligation.status == states.Obligation.RELEASED
        paused_until = None if gives_up else account_refusals.wait_until(CHARGES)
        if paused_until is not None:
            due.update(next_attempt_at=paused_until)
            return None
        rest = obligation.payable.minor % stripe_step(obligation.currency)
        if rest and not gives_up:
            obligations.carry_part(obligation, rest, actor=ACTOR)
        status = claimed.status if gives_up else states.Charge.CAPTURING
        due.update(
            status=status,
            attempts=F("attempts") + 1,
            claimed_until=now + CLAIM,
            next_attempt_at=now + CLAIM,
            updated_at=now,
        )
        if status != claimed.status:
            trail.record(
                actor=ACTOR,
                action=f"charge.{status}",
                subject=claimed,
                was=claimed.status,
                amount_minor=obligation.payable.minor,
            )
    claimed.obligation, claimed.status = obligation, status
    claimed.attempts += 1
    return claimed


def _ask(claimed: FundingCharge, processor: Processor) -> Outcome:
    held = claimed.processor_charge_id or ""
    if claimed.obligation.status == states.Obligation.RELEASED:
        return processor.give_up(held)
    return processor.capture(
        CaptureOrder(
            # A key for each try: a stored error would come back for ever, and a second capture is refused anyway.
            idempotency_key=f"capture-{claimed.public_id}-{claimed.attempts}",
            processor_charge_id=held,
            amount_minor=claimed.obligation.payable.minor,
            currency=claimed.obligation.currency,
        )
    )


def _try_later(claimed: FundingCharge, message: str, *, tells: bool = True) -> None:
    """Its state stays; the due time stands in the database, and a person is told when it has gone on for long.

    Nobody is told with `tells` off: there is a case for all of them.
    """
    delay_s = backoff_s(claimed.attempts)
    log.warning("hold of charge %s: %s; next try in %.1f s", claimed.public_id, message, delay_s)
    now = clock.now()
    with transaction():
        obligation = wallet_locking.lock(claimed.obligation_id)
        mine = FundingCharge.objects.filter(pk=claimed.pk, attempts=claimed.attempts, status=claimed.status)
        mine.update(
            failure_message=message[:300],
            claimed_until=None,
            next_attempt_at=now + dt.timedelta(seconds=delay_s),
            updated_at=now,
        )
        if tells and claimed.attempts >= ATTEMPTS_BEFORE_CASE:
            cases.open_obligation_case(
                kind=Case.Kind.FUNDING_UNKNOWN, obligation=obligation, summary=f"{claimed.attempts} tries: {message}"
            )
