"""Sending refunds to the processor: claim and commit, call, record and commit, as for charges (wallet/funding.py)."""

import datetime as dt
import logging
from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Coalesce

from audit import trail
from onecard.kit import clock
from onecard.kit.backoff import backoff_s
from onecard.kit.sweeping import each_in_turn
from onecard.kit.transactions import require_no_transaction, transaction
from wallet import refunds, states
from wallet.models import FundingRefund
from wallet.patience import CLAIM, KEY_LIFE, SWEEP_BATCH, SWEEP_GRACE, is_long_ago
from wallet.processors.base import NotProcessedError, OutcomeUnknownError, Processor, RefundOrder, RefundOutcome
from wallet.processors.stripe import StripeProcessor

log = logging.getLogger(__name__)

ACTOR = "system:refunds"


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
        before = FundingRefund.objects.select_for_update(no_key=True, of=("self",)).filter(_due(now), pk=refund_id)
        claimed = before.exclude(charge=None).select_related("charge", "obligation").first()
        if claimed is None:
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
    try:
        outcome = _ask(claimed, processor)
    except NotProcessedError as error:
        unsent = claimed.status == states.Refund.INTENDED
        _try_later(
            claimed, states.Refund.INTENDED if unsent else states.Refund.UNKNOWN, error.message, error.retry_after_s
        )
    except OutcomeUnknownError as error:
        _try_later(claimed, states.Refund.UNKNOWN, error.message, error.retry_after_s)
    else:
        refunds.record(refund_id=claimed.pk, outcome=outcome, actor=ACTOR)


def _ask(claimed: FundingRefund, processor: Processor) -> RefundOutcome:
    """Sends it, or looks it up: after a lost answer both, and past the key's life only the look-up is safe."""
    assert claimed.charge is not None  # noqa: S101  (only what has a charge is claimed)
    assert claimed.first_sent_at is not None  # noqa: S101  (the claim sets it)
    order = RefundOrder(
        public_id=str(claimed.public_id),
        idempotency_key=claimed.idempotency_key,
        processor_charge_id=claimed.charge.processor_charge_id or "",
        amount_minor=claimed.amount_minor,
        reason=claimed.reason,
    )
    if clock.now() - claimed.first_sent_at >= KEY_LIFE:
        never_arrived = "The processor has no trace of this refund, and its key is too old to send it again."
        failed = RefundOutcome(states.Refund.FAILED, failure_code="never_arrived", failure_message=never_arrived)
        return processor.find_refund(order) or failed
    try:
        return processor.refund(order)
    except OutcomeUnknownError as error:
        found = _look_up(order, processor, untold=error) if claimed.attempts > 1 else None
        if found is not None:
            return found
        if error.replayed and is_long_ago(claimed.first_sent_at):
            _take_new_key(claimed)
        raise


def _look_up(order: RefundOrder, processor: Processor, *, untold: OutcomeUnknownError) -> RefundOutcome | None:
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
