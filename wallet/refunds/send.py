"""Sending refunds to the processor: claim and commit, call, record and commit, as for charges (charges/charge.py)."""

import datetime as dt
import logging
from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Coalesce

from audit import trail
from onecard.kit import clock
from onecard.kit.backoff import backoff_s
from onecard.kit.sweeper import each_in_turn
from onecard.kit.transactions import require_no_transaction, transaction
from wallet import locking as wallet_locking
from wallet import states
from wallet.models import FundingRefund
from wallet.processors import account_refusals
from wallet.processors.base import (
    AccountRefusedError,
    NotProcessedError,
    OutcomeUnknownError,
    Processor,
    RefundOrder,
    RefundOutcome,
)
from wallet.processors.stripe.client import StripeProcessor
from wallet.refunds import records as refunds
from wallet.retry_policy import CLAIM, KEY_LIFE, SWEEP_BATCH, SWEEP_GRACE, is_long_ago

log = logging.getLogger(__name__)

ACTOR = "system:refunds"
REFUNDS = account_refusals.Operation.REFUNDS


def refund(*, refund_id: int, processor: Processor | None = None) -> str:
    """Makes one try at a refund that is due and records what came of it; gives its status.

    Safe to call twice, at once, late or never again. Raises TransactionError inside a transaction.
    """
    require_no_transaction("A call to the processor")
    claimed = _claim(refund_id)
    if claimed is not None:
        _send(claimed, processor or StripeProcessor())
    return FundingRefund.objects.values_list("status", flat=True).get(pk=refund_id)


def sweep(*, now: dt.datetime | None = None, processor: Processor | None = None) -> int:
    """Tries every refund that is due and that the queue seems to have forgotten; says how many."""
    limit = (now or clock.now()) - SWEEP_GRACE
    due = FundingRefund.objects.filter(_due(limit), status__in=states.DUE_REFUND).order_by("next_attempt_at", "id")
    ids = list(due.values_list("pk", flat=True)[:SWEEP_BATCH])
    return each_in_turn(ids, lambda refund_id: refund(refund_id=refund_id, processor=processor), what="refund")


def _due(moment: dt.datetime) -> Q:
    waiting = Q(status__in=(states.Refund.INTENDED, states.Refund.UNKNOWN), next_attempt_at__lte=moment)
    return waiting | Q(status=states.Refund.SENDING, claimed_until__lt=moment)


def _claim(refund_id: int) -> FundingRefund | None:
    now = clock.now()
    with transaction():
        # The one order of locks: obligation first.
        wallet_locking.lock(FundingRefund.objects.values_list("obligation_id", flat=True).get(pk=refund_id))
        before = FundingRefund.objects.select_for_update(no_key=True, of=("self",)).filter(_due(now), pk=refund_id)
        claimed = before.exclude(charge=None).select_related("charge", "obligation").first()
        if claimed is None:
            return None
        paused_until = account_refusals.wait_until(REFUNDS)
        if paused_until is not None:
            abandoned = claimed.claimed_until is not None
            FundingRefund.objects.filter(pk=refund_id).update(
                next_attempt_at=paused_until, claimed_until=paused_until if abandoned else None
            )
            return None
        if claimed.status == states.Refund.INTENDED and not refunds.fit(claimed, actor=ACTOR):
            return None
        FundingRefund.objects.filter(pk=refund_id).update(
            status=states.Refund.SENDING,
            attempts=F("attempts") + 1,
            first_sent_at=Coalesce(F("first_sent_at"), now),
            claimed_until=now + CLAIM,
            next_attempt_at=now + CLAIM,
            updated_at=now,
        )
    claimed.attempts += 1
    claimed.first_sent_at = claimed.first_sent_at or now
    return claimed


def _send(claimed: FundingRefund, processor: Processor) -> None:
    started_at = clock.now()
    try:
        outcome = _ask(claimed, processor)
    except AccountRefusedError as error:
        _account_refused(claimed, error, started_at)
    except NotProcessedError as error:
        unsent = claimed.status == states.Refund.INTENDED
        _try_later(
            claimed, states.Refund.INTENDED if unsent else states.Refund.UNKNOWN, error.message, error.retry_after_s
        )
    except OutcomeUnknownError as error:
        _try_later(claimed, states.Refund.UNKNOWN, error.message, error.retry_after_s)
    else:
        if outcome.processor_refund_id:
            account_refusals.answered(REFUNDS, started_at=started_at)
        refunds.record(refund_id=claimed.pk, outcome=outcome, actor=ACTOR)


def _account_refused(claimed: FundingRefund, error: AccountRefusedError, started_at: dt.datetime) -> None:
    """As for charges: nothing failed, and the refund goes on by itself when our account is in order."""
    account_refusals.refused(REFUNDS, error, started_at=started_at)
    unsent = claimed.status == states.Refund.INTENDED
    if error.is_stored and unsent:
        _take_new_key(claimed)
    _try_later(claimed, states.Refund.INTENDED if unsent else states.Refund.UNKNOWN, error.message, None)


def _ask(claimed: FundingRefund, processor: Processor) -> RefundOutcome:
    """Sends it, or looks it up: after a lost answer both, and past the key's life only the look-up is safe."""
    assert claimed.charge is not None  # noqa: S101  (only what has a charge is claimed)
    assert claimed.first_sent_at is not None  # noqa: S101  (the claim sets it)
    order = RefundOrder(
        public_id=str(claimed.public_id),
        idempotency_key=claimed.idempotency_key,
        processor_charge_id=claimed.charge.processor_charge_id or "",
        amount_minor=claimed.amount_minor,
        currency=claimed.obligation.currency,
        reason=claimed.reason,
    )
    if clock.now() - claimed.first_sent_at >= KEY_LIFE:
        never_arrived = "The processor has no trace of this refund, and its key is too old to send it again."
        failed = RefundOutcome(states.Refund.FAILED, failure_code="never_arrived", failure_message=never_arrived)
        return processor.find_refund(order) or failed
    try:
        return processor.refund(order)
    except AccountRefusedError as error:
        if claimed.status == states.Refund.INTENDED:
            raise
        return _look_up_behind(claimed, order, processor, error)
    except OutcomeUnknownError as error:
        found = _look_up(order, processor, untold=error) if claimed.attempts > 1 else None
        if found is not None:
            return found
        if error.replayed and is_long_ago(claimed.first_sent_at):
            _take_new_key(claimed)
        raise


def _look_up_behind(
    claimed: FundingRefund, order: RefundOrder, processor: Processor, error: AccountRefusedError
) -> RefundOutcome:
    """As for charges: an earlier try may have been taken on before our account was refused."""
    found = _look_up(order, processor, untold=error)
    if found is not None:
        return found
    if error.is_stored and is_long_ago(claimed.first_sent_at):
        _take_new_key(claimed)
    if error.replayed:
        raise OutcomeUnknownError(error.message) from error
    raise error


def _look_up(
    order: RefundOrder, processor: Processor, *, untold: OutcomeUnknownError | AccountRefusedError
) -> RefundOutcome | None:
    """As for charges: a look-up that is turned away does not unsend the refund."""
    try:
        return processor.find_refund(order)
    except NotProcessedError:
        raise untold from None


def _take_new_key(claimed: FundingRefund) -> None:
    """As for charges: the key's only answer is an error for ever, and nothing was given back under it."""
    with transaction():
        mine = FundingRefund.objects.filter(pk=claimed.pk, attempts=claimed.attempts, status=states.Refund.SENDING)
        key = f"refund-{claimed.public_id}-{claimed.attempts}"
        if mine.update(idempotency_key=key, first_sent_at=None, updated_at=clock.now()):
            trail.record(actor=ACTOR, action="refund.rekeyed", subject=claimed, was=claimed.idempotency_key)


def _try_later(claimed: FundingRefund, status: str, message: str, retry_after_s: float | None) -> None:
    delay_s = retry_after_s or backoff_s(claimed.attempts)
    log.warning("refund %s: %s; next try in %.1f s", claimed.public_id, message, delay_s)
    held = FundingRefund.objects.filter(pk=claimed.pk, attempts=claimed.attempts, status=states.Refund.SENDING)
    changes: dict[str, Any] = {
        "status": status,
        "failure_message": message[:300],
        "claimed_until": None,
        "next_attempt_at": clock.now() + dt.timedelta(seconds=delay_s),
        "updated_at": clock.now(),
    }
    if status == states.Refund.INTENDED:
        # As for charges: a key that nobody has read does not age.
        changes["first_sent_at"] = None
    held.update(**changes)
