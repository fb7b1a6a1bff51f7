"""Records what a processor reports of a charge: in a worker's answer, an event or a look-up."""

import datetime as dt
import logging
from dataclasses import replace
from typing import Any

from django.db import IntegrityError

from audit import trail
from onecard.kit import clock
from onecard.kit.transactions import savepoint, transaction
from onecard.kit.transitions import sources_of
from wallet import carried_amounts, cases, payment_notices, states
from wallet import locking as wallet_locking
from wallet.charges import cascade, declines
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingCharge, FundingObligation
from wallet.obligations import lifecycle as obligations
from wallet.processors.base import Outcome
from wallet.refunds import records as refunds

log = logging.getLogger(__name__)

# A charge that the processor is processing is looked up after this long, in case its event gets lost.
LOOK_UP_AFTER = dt.timedelta(minutes=10)
# Banks keep an off-session hold for at least four days and eighteen hours; we capture all of it before.
HOLD_LIFE = dt.timedelta(days=4)
FAILURES = {
    states.Charge.DECLINED: Case.Kind.FUNDING_DECLINED,
    states.Charge.REFUSED: Case.Kind.FUNDING_REFUSED,
    states.Charge.CANCELED: Case.Kind.FUNDING_REFUSED,
    states.Charge.REQUIRES_ACTION: Case.Kind.FUNDING_NEEDS_CARDHOLDER,
}
# The states that a declined charge can still reach when somebody confirms it at the processor.
PAID_BY_HAND = (states.Charge.SUCCEEDED, states.Charge.HELD)
# A hold answers these cases; a receivable stays open.
ANSWERED_BY_A_HOLD = (Case.Kind.FUNDING_NEEDS_CARDHOLDER, Case.Kind.FUNDING_UNKNOWN)
# A success while another charge was under way. It counts as soon as that one fails.
LATE_SUCCESS = "succeeded_late"
CARRIED = "carried"
# The processor's code for an amount below its minimum, where our table does not have the minimum.
TOO_SMALL = "amount_too_small"
CARRIED_IN_WORDS = "Too little to be charged alone: it goes along with the cardholder's next charge."
TOO_MUCH = "It was paid late by hand, and less was owed by then."
NEVER_ARRIVED = Outcome(
    states.Charge.REFUSED,
    failure_code="never_arrived",
    failure_message="The processor has no trace of this charge, and its key is too old to send it again.",
)
SWITCHED_OFF = Outcome(
    states.Charge.REFUSED,
    failure_code=declines.NOT_ACTIVE,
    failure_message="The card was switched off before it was asked, so it was not charged.",
)
FAILED = (states.Charge.DECLINED, states.Charge.REFUSED, states.Charge.CANCELED)
ENDED = (states.Charge.SUCCEEDED, states.Charge.DECLINED, states.Charge.REFUSED, states.Charge.CANCELED)


def apply_update(outcome: Outcome) -> bool:
    """Applies what the processor reports of a charge; returns False when the charge is not ours."""
    charges = FundingCharge.objects.filter(processor_charge_id=outcome.processor_charge_id)
    charge = charges.first() or _by_our_own_id(outcome.charge_public_id)
    if charge is None:
        return False
    if _is_another_payment(charge, outcome):
        _keep_another_payment(charge, outcome)
    # Most updates repeat what the answer to our own request has said.
    elif not (charge.status == outcome.status and charge.status in ENDED):
        record(charge_id=charge.pk, outcome=outcome, actor="processor:stripe")
    return True


def _is_another_payment(charge: FundingCharge, outcome: Outcome) -> bool:
    """Returns whether a payment with our id is another one than this charge's.

    A payment that took money counts for a charge that had failed.
    """
    if not charge.processor_charge_id or charge.processor_charge_id == outcome.processor_charge_id:
        return False
    return outcome.status not in PAID_BY_HAND or charge.status not in FAILED


def _keep_another_payment(charge: FundingCharge, outcome: Outcome) -> None:
    """Opens a case for money taken or held a second time under one id. Failures of such a payment change nothing."""
    if outcome.status not in PAID_BY_HAND:
        return
    with transaction():
        obligation = wallet_locking.lock(charge.obligation_id)
        cases.open_obligation_case(
            kind=Case.Kind.TWO_CHARGES,
            obligation=obligation,
            summary=f"The processor reports {outcome.processor_charge_id} ({outcome.status}) under the id of "
            f"our charge {charge.processor_charge_id}, which is {charge.status}. Refund or cancel the second.",
        )


def record(*, charge_id: int, outcome: Outcome, actor: str) -> bool:
    """Moves a charge to its outcome with its obligation, cases, method and audit entry, in one commit.

    A late or repeated update changes nothing and returns False (money-safety I10).
    """
    with transaction():
        obligation = wallet_locking.lock(
            FundingCharge.objects.values_list("obligation_id", flat=True).get(pk=charge_id)
        )
        charge = FundingCharge.objects.select_related("method").get(pk=charge_id)
        if outcome.status in PAID_BY_HAND and charge.status == states.Charge.DECLINED:
            # It was paid after all, so the cascade's unsent charge is not needed.
            obligations.cancel_unsent(obligation, actor=actor)
        outcome = _with_its_end(charge, obligation, outcome)
        if not _move(charge, obligation, outcome):
            return _second_success(charge, obligation, outcome)
        _note(charge, outcome, actor)
        _follow(charge, obligation, outcome, actor)
        return True


def carry_over(charge: FundingCharge, *, actor: str) -> None:
    """Ends an obligation that is too small to charge; the cardholder's next charge takes its amount along.

    Call under the obligation's lock, for a charge that was never sent.
    """
    outcome = Outcome(states.Charge.CANCELED, failure_code=CARRIED, failure_message=CARRIED_IN_WORDS)
    if _move(charge, charge.obligation, outcome):
        _note(charge, outcome, actor)
        _carry_all(charge.obligation, actor)


def _carry_all(obligation: FundingObligation, actor: str) -> None:
    """Releases the obligation and carries what it still owes to the cardholder's next charge."""
    left = cascade.owed(obligation)
    obligations.release(obligation_id=obligation.pk, actor=actor)
    if left.minor > 0:
        carried_amounts.carry(obligation, left.minor, actor=actor)


def _note(charge: FundingCharge, outcome: Outcome, actor: str) -> None:
    trail.record(
        actor=actor,
        action=f"charge.{outcome.status}",
        subject=charge,
        was=charge.status,
        processor_charge_id=outcome.processor_charge_id,
        failure_code=outcome.failure_code,
    )


def _with_its_end(charge: FundingCharge, obligation: FundingObligation, outcome: Outcome) -> Outcome:
    """Says why a hold ended without a capture: we gave it up, or its bank released it."""
    if outcome.status != states.Charge.CANCELED or charge.status not in states.HOLDING:
        return outcome
    given_up = obligation.status == states.Obligation.RELEASED
    return replace(outcome, failure_code="released" if given_up else cascade.HOLD_LAPSED)


def _next_attempt_at(obligation: FundingObligation, status: str) -> dt.datetime | None:
    now = clock.now()
    if status == states.Charge.PROCESSING:
        return now + LOOK_UP_AFTER
    if status != states.Charge.HELD:
        return None
    is_due = obligation.capture_due_at is not None or obligation.status == states.Obligation.RELEASED
    return now if is_due else now + HOLD_LIFE


def _move(charge: FundingCharge, obligation: FundingObligation, outcome: Outcome) -> bool:
    now = clock.now()
    changes: dict[str, Any] = {"status": outcome.status, "claimed_until": None, "updated_at": now}
    changes |= {"failure_code": outcome.failure_code, "failure_message": outcome.failure_message}
    changes["finished_at"] = now if outcome.status in ENDED else None
    changes["next_attempt_at"] = _next_attempt_at(obligation, outcome.status)
    if outcome.processor_charge_id:
        changes["processor_charge_id"] = outcome.processor_charge_id
    sources = sources_of(states.CHARGE_MOVES, outcome.status)
    try:
        with savepoint():
            return FundingCharge.objects.filter(pk=charge.pk, status__in=sources).update(**changes) == 1
    except IntegrityError:
        # Another charge of the obligation is alive or succeeded: the constraint refused a second one.
        log.exception("charge %s: %s would be a second live charge", charge.public_id, outcome.status)
        return False


def _second_success(charge: FundingCharge, obligation: FundingObligation, outcome: Outcome) -> bool:
    """Opens a case for money taken or held twice, or after the end, and stops the cascade."""
    if outcome.status == states.Charge.SUCCEEDED and charge.status != states.Charge.SUCCEEDED:
        declined = FundingCharge.objects.filter(pk=charge.pk, status=states.Charge.DECLINED)
        declined.update(failure_code=LATE_SUCCESS, updated_at=clock.now())
        cases.open_obligation_case(
            kind=Case.Kind.TWO_CHARGES,
            obligation=obligation,
            summary=f"{outcome.processor_charge_id} succeeded at the processor, but our charge is {charge.status}.",
        )
    elif outcome.status == states.Charge.HELD and _is_held_unasked(charge):
        cases.open_obligation_case(
            kind=Case.Kind.TWO_CHARGES,
            obligation=obligation,
            summary=f"{outcome.processor_charge_id} is held at the processor, but our charge is {charge.status}.",
        )
    return False


def _is_held_unasked(charge: FundingCharge) -> bool:
    """Returns whether the bank holds money after a decline, or for a charge that we took for never sent."""
    never_sent = charge.status in (states.Charge.CANCELED, states.Charge.REFUSED) and not charge.processor_charge_id
    return never_sent or charge.status == states.Charge.DECLINED


def _follow(charge: FundingCharge, obligation: FundingObligation, outcome: Outcome, actor: str) -> None:
    """Updates the obligation, its cases and its method after the outcome."""
    payment_notices.charged(charge, obligation, outcome.status)
    if outcome.status == states.Charge.SUCCEEDED:
        _funded(charge, obligation, actor)
        return
    if outcome.status in ENDED:
        carried_amounts.return_to_waiting(charge)
        cases.resolve_cases(reference=f"obligation:{obligation.pk}", kinds=(Case.Kind.FUNDING_UNKNOWN,))
    if outcome.status == states.Charge.HELD:
        obligations.move(obligation, states.Obligation.OPEN, actor=actor)
        cases.resolve_cases(reference=f"obligation:{obligation.pk}", kinds=ANSWERED_BY_A_HOLD)
    elif outcome.status in FAILURES and not _late_success_counts(obligation, outcome, actor):
        _failed(charge, obligation, outcome, actor)
    if declines.blames_method(outcome):
        declines.cool_down(charge.method, outcome.failure_code, actor=actor, charge_id=charge.pk)


def _failed(charge: FundingCharge, obligation: FundingObligation, outcome: Outcome, actor: str) -> None:
    """Continues with another card or opens a case. A top-up has no other card: its holder chose the source.

    The cascade first cancels a charge that waits for its cardholder, a top-up's too.
    """
    if obligation.status == states.Obligation.RELEASED:
        return
    if (
        outcome.failure_code == TOO_SMALL
        and not obligation.is_top_up
        and carried_amounts.is_below_minimum(charge.asked)
    ):
        _carry_all(obligation, actor)
        return
    if outcome.status in ENDED:
        obligations.move(obligation, states.Obligation.FAILED, actor=actor)
    if obligation.is_top_up and outcome.status in ENDED:
        kind = FAILURES[states.Charge(outcome.status)]
        summary = declines.sentence(charge.method, outcome)
        cases.open_obligation_case(kind=kind, obligation=obligation, summary=summary)
    else:
        cascade.continue_after_failure(obligation, charge, outcome, actor=actor)


def _late_success_counts(obligation: FundingObligation, outcome: Outcome, actor: str) -> bool:
    """Counts an earlier charge's late success now, because the charge in its way has failed: nobody paid twice."""
    waiting = obligation.cases.filter(kind=Case.Kind.TWO_CHARGES, status=Case.Status.OPEN)
    late = obligation.charges.filter(status=states.Charge.DECLINED, failure_code=LATE_SUCCESS).first()
    if outcome.status not in ENDED or late is None or not waiting.exists():
        return False
    success = Outcome(states.Charge.SUCCEEDED, processor_charge_id=late.processor_charge_id or "")
    if not _move(late, obligation, success):
        return False
    _note(late, success, actor)
    _funded(late, obligation, actor)
    cases.resolve_cases(reference=f"obligation:{obligation.pk}", kinds=(Case.Kind.TWO_CHARGES,))
    return True


def _funded(charge: FundingCharge, obligation: FundingObligation, actor: str) -> None:
    """Posts the money and sends the refunds that waited for it."""
    charge.obligation = obligation
    too_much = obligations.take_over_captured(obligation, charge, actor=actor)
    ledger.post_charge(charge)
    carried_amounts.paid(charge)
    if obligations.move(obligation, states.Obligation.FUNDED, actor=actor):
        refunds.wake(obligation, charge)
        if too_much:
            refunds.begin(obligation=obligation, amount_minor=too_much, reason=TOO_MUCH, actor=actor)
    else:
        obligations.give_back_all(obligation, actor=actor)
    answered = (*obligations.ASK_FOR_MONEY, Case.Kind.FUNDING_UNKNOWN)
    cases.resolve_cases(reference=f"obligation:{obligation.pk}", kinds=answered)


def _by_our_own_id(public_id: str) -> FundingCharge | None:
    """Finds the charge by our id in the processor's metadata: the answer with the processor's id was lost."""
    import uuid

    try:
        return FundingCharge.objects.filter(public_id=uuid.UUID(public_id)).first()
    except ValueError:
        return None
