"""Charging a funding method, or holding the amount on it: intend and commit (the decision did), call, record, commit.

At most one successful charge for an obligation (money-safety I9): the key is committed before the call and is the same
on every try, and past the key's life the charge is looked up instead of sent again. Only a key whose stored answer is
an error, and under which the processor lists nothing, is replaced (docs/decisions/0022).
"""

import datetime as dt
import logging
from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Coalesce

from audit import trail
from onecard.kit import clock
from onecard.kit.attempts import CLAIM, SWEEP_BATCH
from onecard.kit.backoff import backoff_s
from onecard.kit.currency_units import stripe_step
from onecard.kit.sweeper import each_in_turn
from onecard.kit.transactions import require_no_transaction, transaction
from wallet import carried_amounts, cases, states
from wallet import locking as wallet_locking
from wallet.charges import capture as captures
from wallet.charges import outcomes
from wallet.models import Case, FundingCharge, FundingMethod
from wallet.obligations import lifecycle as obligations
from wallet.processors import account_refusals
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
from wallet.retry_policy import ATTEMPTS_BEFORE_CASE, KEY_LIFE, LISTED_BY, SWEEP_GRACE, is_long_ago

log = logging.getLogger(__name__)

ACTOR = "system:funding"
CHARGES = account_refusals.Operation.CHARGES


def charge(*, charge_id: int, processor: Processor | None = None) -> str:
    """Makes one try at a charge that is due and records what came of it; gives the charge's status.

    Safe to call twice, at once, late or never again: only the caller that wins the claim talks to the processor.
    Raises TransactionError inside a transaction.
    """
    require_no_transaction("A call to the processor")
    asked = processor or StripeProcessor()
    claimed = _claim(charge_id)
    if claimed is not None:
        _send(claimed, asked)
    elif FundingCharge.objects.filter(pk=charge_id, status__in=states.HOLDING).exists():
        captures.settle(charge_id=charge_id, processor=asked)
    return FundingCharge.objects.values_list("status", flat=True).get(pk=charge_id)


def sweep(*, now: dt.datetime | None = None, processor: Processor | None = None) -> int:
    """Tries every charge that is due and that the queue seems to have forgotten; says how many.

    It reads the database and not the queue: a broker that lost everything costs the grace period (money-safety I11).
    """
    limit = (now or clock.now()) - SWEEP_GRACE
    found = _due(limit) | Q(status__in=states.HOLDING, next_attempt_at__lte=limit)
    due = FundingCharge.objects.filter(found, status__in=states.DUE_CHARGE).order_by("next_attempt_at", "id")
    ids = list(due.values_list("pk", flat=True)[:SWEEP_BATCH])
    return each_in_turn(ids, lambda charge_id: charge(charge_id=charge_id, processor=processor), what="charge")


def _due(moment: dt.datetime) -> Q:
    waiting = Q(status__in=(states.Charge.INTENDED, states.Charge.UNKNOWN, states.Charge.PROCESSING))
    abandoned = Q(status=states.Charge.SENDING, claimed_until__lt=moment)
    return (waiting & Q(next_attempt_at__lte=moment)) | abandoned


def _claim(charge_id: int) -> FundingCharge | None:
    """Takes the charge for this worker, and commits that, so that its death leaves a trace: sending, then abandoned."""
    now = clock.now()
    with transaction():
        wallet_locking.lock(FundingCharge.objects.values_list("obligation_id", flat=True).get(pk=charge_id))
        before = FundingCharge.objects.select_for_update(no_key=True, of=("self",)).filter(_due(now), pk=charge_id)
        claimed = before.select_related("obligation__cardholder", "method").first()
        if claimed is None:
            return None
        paused_until = account_refusals.wait_until(CHARGES) if _takes_money(claimed) else None
        if paused_until is not None:
            abandoned = claimed.claimed_until is not None
            FundingCharge.objects.filter(pk=charge_id).update(
                next_attempt_at=paused_until, claimed_until=paused_until if abandoned else None
            )
            return None
        if _is_unread(claimed) and not _fit(claimed):
            return None
        status = claimed.status if claimed.status == states.Charge.PROCESSING else states.Charge.SENDING
        FundingCharge.objects.filter(pk=charge_id).update(
            status=status,
            attempts=F("attempts") + 1,
            first_sent_at=Coalesce(F("first_sent_at"), now),
            claimed_until=now + CLAIM,
            next_attempt_at=now + CLAIM,
            updated_at=now,
        )
    claimed.attempts += 1
    claimed.first_sent_at = claimed.first_sent_at or now
    return claimed


def _fit(claimed: FundingCharge) -> bool:
    """Makes the charge one that the processor can make; False when all of it is carried to the next charge instead.

    Under the obligation's lock, and before anybody has read the charge: from then on its key stands for its amount.
    """
    obligation = claimed.obligation
    if obligation.is_top_up or obligation.status == states.Obligation.RELEASED:
        return True
    carried_amounts.set_down(claimed)
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
    """Whether the next try is a request to charge, and not only a look-up of an earlier one."""
    return claimed.status != states.Charge.PROCESSING and claimed.obligation.status != states.Obligation.RELEASED


def _send(claimed: FundingCharge, processor: Processor) -> None:
    order, started_at = _order(claimed), clock.now()
    try:
        outcome = _ask(claimed, order, processor)
    except AccountRefusedError as error:
        _account_refused(claimed, error, started_at)
    except NotProcessedError as error:
        # Unread this time; it is still a mere intention unless an earlier try may have been accepted.
        status = states.Charge.INTENDED if _is_unread(claimed) else states.Charge.UNKNOWN
        _try_later(claimed, status, error.message, error.retry_after_s)
    except OutcomeUnknownError as error:
        _try_later(claimed, states.Charge.UNKNOWN, error.message, error.retry_after_s)
    else:
        if _takes_money(claimed) and outcome.processor_charge_id:
            account_refusals.answered(CHARGES, started_at=started_at)
        if outcome.status == claimed.status:
            _try_later(claimed, claimed.status, "Nothing new at the processor.", outcomes.LOOK_AGAIN.total_seconds())
        else:
            outcomes.record(charge_id=claimed.pk, outcome=outcome, actor=ACTOR)
            account_refusals.request_over()


def _account_refused(claimed: FundingCharge, error: AccountRefusedError, started_at: dt.datetime) -> None:
    """Our account or our request is refused: the charge stays due under a new key (decision 0029).

    All charges wait with it unless only the request is refused, which others may not be.
    """
    if account_refusals.is_its_own_trouble(claimed) and _is_unread(claimed):
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
        account_refusals.refused(CHARGES, error, started_at=started_at)
    if error.is_stored and _is_unread(claimed):
        # A stored refusal would come back for ever. A charge that may have been accepted before keeps its key.
        _take_new_key(claimed)
    status = states.Charge.INTENDED if _is_unread(claimed) else states.Charge.UNKNOWN
    _try_later(claimed, status, error.message, delay_s, tells=False)


def _ask(claimed: FundingCharge, order: ChargeOrder, processor: Processor) -> Outcome:
    assert claimed.first_sent_at is not None  # noqa: S101  (the claim sets it)
    if claimed.obligation.status == states.Obligation.RELEASED:
        # Nothing is owed any more: what an earlier try may have done is looked up, and nothing is sent again.
        return processor.find(order) or _never_sent(claimed)
    if _is_unread(claimed) and claimed.method.status != FundingMethod.Status.ACTIVE:
        return outcomes.SWITCHED_OFF
    key_is_alive = clock.now() - claimed.first_sent_at < KEY_LIFE
    if key_is_alive and claimed.status != states.Charge.PROCESSING:
        return _charge_or_find(claimed, order, processor)
    return processor.find(order) or outcomes.NEVER_ARRIVED


def _is_unread(claimed: FundingCharge) -> bool:
    """Whether no try before this one can have reached the processor; the claim keeps the status that it found."""
    return claimed.status == states.Charge.INTENDED


def _never_sent(claimed: FundingCharge) -> Outcome:
    """Called off for good, but only once what the last try may have made would be in the processor's list.

    Raises OutcomeUnknownError before that: `updated_at` is still when somebody was on it last.
    """
    if not _is_unread(claimed) and not is_long_ago(claimed.updated_at):
        message = "The processor lists no such charge yet; one that was sent just now may still turn up."
        raise OutcomeUnknownError(message, retry_after_s=LISTED_BY.total_seconds())
    return Outcome(states.Charge.CANCELED, failure_code="released")


def _charge_or_find(claimed: FundingCharge, order: ChargeOrder, processor: Processor) -> Outcome:
    """Sends the charge; a repeat that is told nothing once more looks it up, since a stored error repeats for ever."""
    try:
        return processor.charge(order)
    except AccountRefusedError as error:
        if _is_unread(claimed):
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
    claimed: FundingCharge, order: ChargeOrder, processor: Processor, error: AccountRefusedError
) -> Outcome:
    """An earlier try may have been accepted before our account was refused; if not, the refusal may be all its key has.

    Raises the refusal again, or OutcomeUnknownError where it is an old one.
    """
    found = _look_up(order, processor, untold=error)
    if found is not None:
        return found
    if error.is_stored and is_long_ago(claimed.first_sent_at):
        _take_new_key(claimed)
    if error.replayed:
        raise OutcomeUnknownError(error.message) from error
    raise error


def _look_up(
    order: ChargeOrder, processor: Processor, *, untold: OutcomeUnknownError | AccountRefusedError
) -> Outcome | None:
    """A look-up that is turned away says nothing of the charge, which may have been accepted just before."""
    try:
        return processor.find(order)
    except NotProcessedError:
        raise untold from None


def _take_new_key(claimed: FundingCharge) -> None:
    """The key's only answer is an error for ever, and the processor has no trace of a charge: it begins anew."""
    now = clock.now()
    with transaction():
        mine = FundingCharge.objects.filter(pk=claimed.pk, attempts=claimed.attempts, status=states.Charge.SENDING)
        key = f"charge-{claimed.public_id}-{claimed.attempts}"
        if mine.update(idempotency_key=key, first_sent_at=None, updated_at=now):
            trail.record(actor=ACTOR, action="charge.rekeyed", subject=claimed, was=claimed.idempotency_key)


def _order(claimed: FundingCharge) -> ChargeOrder:
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


def _try_later(
    claimed: FundingCharge, status: str, message: str, retry_after_s: float | None, *, tells: bool = True
) -> None:
    """Puts the charge back with a due time in the database, and tells a person when it has gone on for long.

    Nobody is told with `tells` off: there is a case for all of them.
    """
    delay_s = retry_after_s or backoff_s(claimed.attempts)
    now = clock.now()
    log.warning("charge %s: %s; next try in %.1f s", claimed.public_id, message, delay_s)
    changes: dict[str, Any] = {
        "status": states.Charge.PROCESSING if claimed.status == states.Charge.PROCESSING else status,
        "failure_message": message[:300],
        "claimed_until": None,
        "next_attempt_at": now + dt.timedelta(seconds=delay_s),
        "updated_at": now,
    }
    if changes["status"] == states.Charge.INTENDED:
        # A key that nobody has read does not age.
        changes["first_sent_at"] = None
    with transaction():
        obligation = wallet_locking.lock(claimed.obligation_id)
        # Only while the claim is still this worker's: another try, or news by an event, has the last word.
        held = FundingCharge.objects.filter(pk=claimed.pk, attempts=claimed.attempts, claimed_until__isnull=False)
        if held.update(**changes) and changes["status"] != claimed.status:
            trail.record(actor=ACTOR, action=f"charge.{changes['status']}", subject=claimed, was=claimed.status)
        if tells and claimed.attempts >= ATTEMPTS_BEFORE_CASE:
            cases.open_obligation_case(
                kind=Case.Kind.FUNDING_UNKNOWN, obligation=obligation, summary=f"{claimed.attempts} tries: {message}"
            )
