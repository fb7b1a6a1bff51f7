"""Sending refunds to the processor: claim and commit, call, record and commit (wallet/processors/attempts.py)."""

import datetime as dt

from django.db.models import Q

from onecard.kit import clock
from onecard.kit.transactions import require_no_transaction, transaction
from wallet import locking as wallet_locking
from wallet import states
from wallet.models import FundingRefund
from wallet.processors import account_refusals
from wallet.processors.attempts import Requests, is_unread
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
from wallet.retry_policy import KEY_LIFE, SWEEP_GRACE

ACTOR = "system:refunds"
REFUNDS = Requests(
    model=FundingRefund,
    what="refund",
    statuses=states.DUE_REFUND,
    grace=SWEEP_GRACE,
    actor=ACTOR,
    operation=account_refusals.Operation.REFUNDS,
    open_case=refunds.open_unknown_case,
    # A refund that waits for its charge is not sent, so it never shows whether our account is accepted.
    proves_account=lambda: Q(charge__isnull=False),
)
NEVER_ARRIVED = RefundOutcome(
    states.Refund.FAILED,
    failure_code="never_arrived",
    failure_message="The processor has no trace of this refund, and its key is too old to send it again.",
)


def refund(*, refund_id: int, processor: Processor | None = None) -> str:
    """Makes one attempt at a due refund, records the outcome and returns the refund's status.

    Safe to call twice, at once, late or never again. Raises TransactionError inside a transaction.
    """
    require_no_transaction("A call to the processor")
    claimed = _claim(refund_id)
    if claimed is not None:
        _send(claimed, processor or StripeProcessor())
    return FundingRefund.objects.values_list("status", flat=True).get(pk=refund_id)


def sweep(*, now: dt.datetime | None = None, processor: Processor | None = None) -> int:
    """Makes an attempt at every due refund whose message seems lost; returns how many."""
    return REFUNDS.sweep(lambda refund_id: refund(refund_id=refund_id, processor=processor), now=now)


def _claim(refund_id: int) -> FundingRefund | None:
    now = clock.now()
    with transaction():
        # The order of locks: the obligation first.
        wallet_locking.lock(FundingRefund.objects.values_list("obligation_id", flat=True).get(pk=refund_id))
        due = FundingRefund.objects.select_for_update(no_key=True, of=("self",)).filter(REFUNDS.due(now), pk=refund_id)
        claimed = due.exclude(charge=None).select_related("charge", "obligation").first()
        if claimed is None or (is_unread(claimed) and not refunds.fit(claimed, actor=ACTOR)):
            return None
        # Last of all, since who may try is the probe: a pause has no other one.
        if REFUNDS.waits_for_account(claimed):
            return None
        claimed.first_sent_at = claimed.first_sent_at or now
        is_mine = REFUNDS.claim(claimed, status=states.Refund.SENDING, first_sent_at=claimed.first_sent_at)
        return claimed if is_mine else None


def _send(claimed: FundingRefund, processor: Processor) -> None:
    started_at = clock.now()
    try:
        outcome = _ask(claimed, processor)
    except AccountRefusedError as error:
        account_refusals.refused(REFUNDS.operation, error, started_at=started_at)
        if error.is_stored and is_unread(claimed):
            REFUNDS.take_new_key(claimed)
        REFUNDS.try_later(claimed, error)
    except (NotProcessedError, OutcomeUnknownError) as error:
        REFUNDS.try_later(claimed, error)
    else:
        if outcome.processor_refund_id:
            account_refusals.answered(REFUNDS.operation, started_at=started_at)
        refunds.record(refund_id=claimed.pk, outcome=outcome, actor=ACTOR)


def _ask(claimed: FundingRefund, processor: Processor) -> RefundOutcome:
    """Sends the refund, or looks it up: both after a lost answer, and only the look-up after the key's life."""
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
        return processor.find_refund(order) or NEVER_ARRIVED
    return REFUNDS.send_or_find(
        claimed, send=lambda: processor.refund(order), find=lambda: processor.find_refund(order)
    )
