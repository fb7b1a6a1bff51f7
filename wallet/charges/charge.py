"""Charges a funding method, or holds the amount on it: the decision commits the intention, a worker the rest.

An obligation has at most one successful charge (money-safety I9). The idempotency key is committed before the call and
stays the same on every attempt. After the key's life the charge is looked up and not sent again. A key is replaced only
when its stored answer is an error and the processor lists no charge under it (docs/decisions/0022).
"""

import datetime as dt

from onecard.kit import clock
from onecard.kit.currency_units import stripe_step
from onecard.kit.transactions import require_no_transaction, transaction
from wallet import carried_amounts, states
from wallet import locking as wallet_locking
from wallet.charges import capture as captures
from wallet.charges import outcomes
from wallet.charges.requests import ACTOR, CHARGES
from wallet.models import FundingCharge, FundingMethod
from wallet.obligations import lifecycle as obligations
from wallet.processors import account_refusals
from wallet.processors.attempts import is_unread
from wallet.processors.base import (
    AccountRefusedError,
    ChargeOrder,
    NotProcessedError,
    Outcome,
    OutcomeUnknownError,
    Processor,
    RequestRefusedError,
)
from wallet.processors.blame import Blame
from wallet.processors.stripe.client import StripeProcessor
from wallet.retry_policy import KEY_LIFE, LISTED_BY, is_long_ago


def charge(*, charge_id: int, processor: Processor | None = None) -> str:
    """Makes one attempt at a due charge, records the outcome and returns the charge's status.

    Safe to call twice, at once, late or never again: only the caller that wins the claim calls the processor. Raises
    TransactionError inside a transaction.
    """
    require_no_transaction("A call to the processor")
    asked = processor or StripeProcessor()
    claimed = _claim(charge_id)
    if claimed is not None:
        _send(claimed, asked)
    elif FundingCharge.objects.filter(pk=charge_id, status__in=states.HOLDING).exists():
        captures.capture_or_give_up(charge_id=charge_id, processor=asked)
    return FundingCharge.objects.values_list("status", flat=True).get(pk=charge_id)


def sweep(*, now: dt.datetime | None = None, processor: Processor | None = None) -> int:
    """Makes an attempt at every due charge whose message seems lost; returns how many.

    It reads the database and not the queue: a broker that lost everything costs only the grace period (money-safety
    I11).
    """
    return CHARGES.sweep(lambda charge_id: charge(charge_id=charge_id, processor=processor), now=now)


def _claim(charge_id: int) -> FundingCharge | None:
    """Claims the charge for this worker and commits that, so that a worker that dies leaves a trace."""
    now = clock.now()
    with transaction():
        wallet_locking.lock(FundingCharge.objects.values_list("obligation_id", flat=True).get(pk=charge_id))
        due = FundingCharge.objects.select_for_update(no_key=True, of=("self",)).filter(CHARGES.due(now), pk=charge_id)
        due = due.exclude(status__in=states.HOLDING).select_related("obligation__cardholder", "method")
        claimed = due.first()
        if claimed is None or (_takes_money(claimed) and CHARGES.waits_for_account(claimed)):
            return None
        if is_unread(claimed) and not _fit(claimed):
            return None
        status = claimed.status if claimed.status == states.Charge.PROCESSING else states.Charge.SENDING
        claimed.first_sent_at = claimed.first_sent_at or now
        return claimed if CHARGES.claim(claimed, status=status, first_sent_at=claimed.first_sent_at) else None


def _fit(claimed: FundingCharge) -> bool:
    """Changes the charge to what the processor accepts; returns False when the next charge carries all of it.

    Call under the obligation's lock, before the processor knows the charge: from then on its key is bound to its
    amount.
    """
    obligation = claimed.obligation
    if obligation.is_top_up or obligation.status == states.Obligation.RELEASED:
        return True
    carried_amounts.return_to_waiting(claimed)
    holds = obligation.policy == states.Policy.HOLD_THEN_CAPTURE
    carried = 0 if holds else carried_amounts.take_along(claimed, asked_minor=claimed.money.minor)
    FundingCharge.objects.filter(pk=claimed.pk).update(carried_minor=carried)
    claimed.carried_minor = carried
    if claimed.asked.minor < carried_amounts.minimum_minor(obligation.currency):
        outcomes.carry_over(claimed, actor=ACTOR)
        return False
    rest = claimed.asked.minor % stripe_step(obligation.currency)
    if rest:
        obligations.carry_part(obligation, rest, unsent=claimed, actor=ACTOR)
    return True


def _takes_money(claimed: FundingCharge) -> bool:
    """Returns whether the next attempt asks for money and does not only look up an earlier one."""
    return claimed.status != states.Charge.PROCESSING and claimed.obligation.status != states.Obligation.RELEASED


def _send(claimed: FundingCharge, processor: Processor) -> None:
    order, started_at = order_of(claimed), clock.now()
    try:
        outcome = _ask(claimed, order, processor)
    except AccountRefusedError as error:
        _account_refused(claimed, error, started_at)
    except (NotProcessedError, OutcomeUnknownError) as error:
        CHARGES.try_later(claimed, error)
    else:
        if _takes_money(claimed) and outcome.processor_charge_id:
            account_refusals.answered(CHARGES.operation, started_at=started_at)
        if outcome.status == claimed.status:
            nothing_new = OutcomeUnknownError(
                "Nothing new at the processor.", retry_after_s=outcomes.LOOK_UP_AFTER.total_seconds()
            )
            CHARGES.try_later(claimed, nothing_new)
        else:
            outcomes.record(charge_id=claimed.pk, outcome=outcome, actor=ACTOR)
            account_refusals.request_over()


def _account_refused(claimed: FundingCharge, error: AccountRefusedError, started_at: dt.datetime) -> None:
    """Keeps the charge due after a refusal of our account or request, under a new key (decision 0029).

    A refusal of the account pauses all charges. A refusal of the request pauses only this one, because others may pass.
    """
    if account_refusals.is_about_this_charge(claimed) and is_unread(claimed):
        own = Outcome(
            states.Charge.REFUSED,
            failure_code=error.refusal_code or "invalid_request",
            failure_message=error.message,
            blames=Blame.UNKNOWN,
        )
        outcomes.record(charge_id=claimed.pk, outcome=own, actor=ACTOR)
        account_refusals.request_over()
        return
    delay_s = None
    if isinstance(error, RequestRefusedError):
        delay_s = account_refusals.request_refused(error, attempts=claimed.attempts)
    else:
        account_refusals.refused(CHARGES.operation, error, started_at=started_at)
    if error.is_stored and is_unread(claimed):
        # A stored refusal would be repeated for ever. A charge that may have been accepted before keeps its key.
        CHARGES.take_new_key(claimed)
    CHARGES.try_later(claimed, error, delay_s=delay_s)


def _ask(claimed: FundingCharge, order: ChargeOrder, processor: Processor) -> Outcome:
    assert claimed.first_sent_at is not None  # noqa: S101  (the claim sets it)
    if claimed.obligation.status == states.Obligation.RELEASED:
        # Nothing is owed any more: an earlier attempt is looked up, and nothing is sent again.
        return processor.find(order) or _never_sent(claimed)
    if is_unread(claimed) and claimed.method.status != FundingMethod.Status.ACTIVE:
        return outcomes.SWITCHED_OFF
    key_is_alive = clock.now() - claimed.first_sent_at < KEY_LIFE
    if key_is_alive and claimed.status != states.Charge.PROCESSING:
        return CHARGES.send_or_find(claimed, send=lambda: processor.charge(order), find=lambda: processor.find(order))
    return processor.find(order) or outcomes.NEVER_ARRIVED


def _never_sent(claimed: FundingCharge) -> Outcome:
    """Returns the cancellation of a charge that the processor does not list, once it would list it.

    Raises OutcomeUnknownError before that: `updated_at` is the time of the last attempt.
    """
    if not is_unread(claimed) and not is_long_ago(claimed.updated_at):
        message = "The processor lists no such charge yet; one that was sent just now may still turn up."
        raise OutcomeUnknownError(message, retry_after_s=LISTED_BY.total_seconds())
    return Outcome(states.Charge.CANCELED, failure_code="released")


def order_of(claimed: FundingCharge) -> ChargeOrder:
    obligation = claimed.obligation
    assert claimed.first_sent_at is not None  # noqa: S101  (the claim sets it)
    return ChargeOrder(
        public_id=str(claimed.public_id),
        idempotency_key=claimed.idempotency_key,
        customer_id=obligation.cardholder.processor_customer_id,
        method_id=claimed.method.processor_method_id,
        amount_minor=claimed.asked.minor,
        currency=obligation.currency,
        description=obligation.description,
        first_sent_at_s=int(claimed.first_sent_at.timestamp()),
        holds=obligation.policy == states.Policy.HOLD_THEN_CAPTURE,
    )
