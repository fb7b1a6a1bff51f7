"""Refunds to the card that paid: what is intended, and what happened to it (sending: wallet/refunds/send.py).

A refund belongs to an obligation. It waits until the obligation is paid and is canceled when it never is. So the caller
may begin it at any time, whatever has happened to the charge.
"""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.db.models import Sum

from audit import trail
from onecard.kit import clock
from onecard.kit.currency_units import stripe_step
from onecard.kit.transactions import require_transaction, transaction
from onecard.kit.transitions import sources_of
from onecard.outbox import services as outbox
from wallet import carried_amounts, cases, payment_notices, states
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingCharge, FundingDispute, FundingObligation, FundingRefund
from wallet.processors import account_refusals
from wallet.processors.base import AccountRefusedError, RefundOutcome

# Codes for an empty balance of ours at the processor (docs/issuers/stripe.md, Refund failure reasons).
OUR_BALANCE = frozenset({"insufficient_funds", "balance_insufficient", "insufficient_balance"})
AFTER_EMPTY_BALANCE = dt.timedelta(hours=1)
# The keys of refunds that we did not send begin with this.
FOREIGN = "foreign-refund-"
ENDED = (states.Refund.SUCCEEDED, states.Refund.FAILED, states.Refund.CANCELED)
# A failed one counts too: a person has the case, and a repeat would fail again.
COUNTS = (*states.DUE_REFUND, states.Refund.SUCCEEDED, states.Refund.FAILED)


def begin(*, obligation: FundingObligation, amount_minor: int, reason: str, actor: str) -> FundingRefund:
    """Writes a refund of a part of an obligation, in the caller's transaction and under the obligation's lock.

    Raises ValueError for more than is left of it, and TransactionError outside a transaction.
    """
    require_transaction("A refund")
    left = obligation.payable.minor - given_back_minor(obligation)
    if not 0 < amount_minor <= left:
        raise ValueError(f"{amount_minor} cannot be given back of obligation {obligation.pk}: {left} is left of it.")
    now, public_id = clock.now(), uuid.uuid4()
    refund = FundingRefund.objects.create(
        public_id=public_id,
        obligation=obligation,
        amount_minor=amount_minor,
        reason=reason[:200],
        idempotency_key=f"refund:{public_id}",
        created_at=now,
        updated_at=now,
    )
    trail.record(actor=actor, action="refund.intended", subject=refund, amount_minor=amount_minor, reason=reason)
    paid = obligation.charges.filter(status=states.Charge.SUCCEEDED).first()
    if paid is not None:
        _wake(refund, paid)
    return refund


def fit(refund: FundingRefund, *, actor: str) -> bool:
    """Rounds an unsent refund down to what the processor can count; returns False when nothing is left.

    The rest is taken off the cardholder's next charge. Call under the obligation's lock.
    """
    rest = refund.amount_minor % stripe_step(refund.obligation.currency)
    if not rest:
        return True
    carried_amounts.carry(refund.obligation, -rest, actor=actor)
    if rest == refund.amount_minor:
        _move(refund, RefundOutcome(states.Refund.CANCELED, failure_code="carried"), actor=actor)
        return False
    refund.amount_minor -= rest
    FundingRefund.objects.filter(pk=refund.pk).update(amount_minor=refund.amount_minor, updated_at=clock.now())
    return True


def given_back_minor(obligation: FundingObligation) -> int:
    """Returns what of an obligation was refunded or is being refunded, in minor units."""
    return given_back_minor_of([obligation]).get(obligation.pk, 0)


def given_back_minor_of(obligations: Iterable[FundingObligation]) -> dict[int, int]:
    """Returns the same for several obligations by their keys; a missing key means nothing was refunded."""
    keys = [obligation.pk for obligation in obligations]
    counted = FundingRefund.objects.filter(obligation__in=keys, status__in=COUNTS)
    # What a bank took back for good in a dispute has returned to the card too (wallet/disputes/lifecycle.py).
    lost = FundingDispute.objects.filter(charge__obligation__in=keys, lost_minor__gt=0)
    parts = counted.order_by().values_list("obligation_id", "amount_minor")
    given_back: Counter[int] = Counter()
    for key, minor in parts.union(lost.order_by().values_list("charge__obligation_id", "lost_minor"), all=True):
        given_back[key] += minor
    return dict(given_back)


def failed_back_minor(obligation: FundingObligation) -> int:
    """Returns what of an obligation should have been refunded and was refused, in minor units."""
    failed = FundingRefund.objects.filter(obligation=obligation, status=states.Refund.FAILED)
    total: int = failed.aggregate(total=Sum("amount_minor", default=0))["total"]
    return total


def wake(obligation: FundingObligation, charge: FundingCharge) -> None:
    """Makes the refunds due that waited for the obligation to be paid."""
    for refund in FundingRefund.objects.filter(obligation=obligation, charge=None, status=states.Refund.INTENDED):
        _wake(refund, charge)


def cancel_waiting(obligation: FundingObligation, *, actor: str) -> int:
    """Cancels the refunds of an unpaid obligation; returns their total in minor units."""
    canceled_minor = 0
    for refund in FundingRefund.objects.filter(obligation=obligation, charge=None, status=states.Refund.INTENDED):
        if _move(refund, RefundOutcome(states.Refund.CANCELED), actor=actor):
            canceled_minor += refund.amount_minor
    return canceled_minor


def begin_again(*, obligation: FundingObligation, reason: str, actor: str) -> FundingRefund:
    """Replaces all failed refunds of an obligation with a new one, under its lock; the failed ones count no longer.

    Raises ValueError when none has failed, and TransactionError outside a transaction.
    """
    require_transaction("A refund")
    failed_minor = 0
    for refund in FundingRefund.objects.filter(obligation=obligation, status=states.Refund.FAILED):
        why = {"failure_code": refund.failure_code, "failure_message": refund.failure_message}
        if _move(refund, RefundOutcome(states.Refund.CANCELED, **why), actor=actor):
            failed_minor += refund.amount_minor
    return begin(obligation=obligation, amount_minor=failed_minor, reason=reason, actor=actor)


def apply_update(outcome: RefundOutcome) -> bool:
    """Applies what the processor reports of a refund; returns False when it is not ours."""
    found = FundingRefund.objects.filter(processor_refund_id=outcome.processor_refund_id).first()
    found = found or _by_our_own_id(outcome.refund_public_id)
    if found is None:
        return False
    record(refund_id=found.pk, outcome=outcome, actor="processor:stripe")
    return True


def record(*, refund_id: int, outcome: RefundOutcome, actor: str) -> bool:
    """Moves a refund to its outcome with its posting and case, in one commit; False for a late or repeated update."""
    with transaction():
        found = FundingRefund.objects.select_related("obligation", "charge__obligation").get(pk=refund_id)
        FundingObligation.objects.select_for_update(no_key=True, of=("self",)).get(pk=found.obligation_id)
        was = FundingRefund.objects.values_list("status", flat=True).get(pk=refund_id)
        if not _move(found, outcome, actor=actor):
            return False
        _post(found, was, outcome)
        if outcome.status == states.Refund.SUCCEEDED:
            payment_notices.refunded(found)
        cases.resolve_cases(reference=_case_reference(found), kinds=(Case.Kind.REFUND_UNKNOWN,))
        if outcome.failure_code in OUR_BALANCE and outcome.status == states.Refund.FAILED:
            _send_later(found, outcome, actor=actor)
        elif outcome.status == states.Refund.FAILED:
            cases.open_obligation_case(
                kind=Case.Kind.REFUND_FAILED,
                obligation=found.obligation,
                money=found.money,
                summary=f"{found.money} could not be given back: {outcome.failure_message or outcome.failure_code}",
            )
        return True


def open_unknown_case(refund: FundingRefund, obligation: FundingObligation, summary: str) -> None:
    """Tells a person that a refund keeps failing, in the caller's transaction; its outcome closes the case."""
    cases.open_case(
        kind=Case.Kind.REFUND_UNKNOWN,
        reference=_case_reference(refund),
        money=refund.money,
        summary=summary,
        obligation=obligation,
    )


def _case_reference(refund: FundingRefund) -> str:
    return f"refund:{refund.public_id}"


def _send_later(found: FundingRefund, outcome: RefundOutcome, *, actor: str) -> None:
    """Begins another refund for later: our balance at the processor was empty, which is not about the card."""
    if not _move(found, RefundOutcome(states.Refund.CANCELED, failure_code=outcome.failure_code), actor=actor):
        return
    again = begin(obligation=found.obligation, amount_minor=found.amount_minor, reason=found.reason, actor=actor)
    FundingRefund.objects.filter(pk=again.pk).update(next_attempt_at=clock.now() + AFTER_EMPTY_BALANCE)
    error = AccountRefusedError(
        "A refund failed because our balance at the processor was empty.", refusal_code=outcome.failure_code
    )
    account_refusals.refused(account_refusals.Operation.REFUNDS, error, started_at=clock.now())


def _post(found: FundingRefund, was: str, outcome: RefundOutcome) -> None:
    assert found.charge is not None  # noqa: S101  (only a refund with a charge is ever sent)
    if outcome.status == states.Refund.SUCCEEDED:
        ledger.post_refund(found, found.charge)
    elif was == states.Refund.SUCCEEDED:
        ledger.post_refund_failure(found, found.charge)


def _wake(refund: FundingRefund, charge: FundingCharge) -> None:
    waiting = FundingRefund.objects.filter(pk=refund.pk, charge=None, status=states.Refund.INTENDED)
    if waiting.update(charge=charge, next_attempt_at=clock.now(), updated_at=clock.now()):
        outbox.put(topic="refund.requested", refund_id=refund.pk)


def _move(found: FundingRefund, outcome: RefundOutcome, *, actor: str) -> bool:
    now = clock.now()
    changes: dict[str, Any] = {
        "status": outcome.status,
        "failure_code": outcome.failure_code,
        "failure_message": outcome.failure_message,
        "claimed_until": None,
        "next_attempt_at": None,
        "finished_at": now if outcome.status in ENDED else None,
        "updated_at": now,
    }
    if outcome.processor_refund_id:
        changes["processor_refund_id"] = outcome.processor_refund_id
    sources = sources_of(states.REFUND_MOVES, outcome.status)
    if FundingRefund.objects.filter(pk=found.pk, status__in=sources).update(**changes) != 1:
        return False
    trail.record(
        actor=actor,
        action=f"refund.{outcome.status}",
        subject=found,
        processor_refund_id=outcome.processor_refund_id,
        failure_code=outcome.failure_code,
    )
    return True


def _by_our_own_id(public_id: str) -> FundingRefund | None:
    try:
        return FundingRefund.objects.filter(public_id=uuid.UUID(public_id)).first()
    except ValueError:
        return None


def record_foreign(*, charge: FundingCharge, outcome: RefundOutcome, amount_minor: int) -> bool:
    """Books a refund of our charge that somebody made at the processor; returns False when it is booked already.

    A person wanted it, so nobody is asked for the money again: it is posted as goodwill, which is reduced by what turns
    out not to be owed (wallet/obligations/adjust.py). A case reports it.
    """
    with transaction():
        obligation = FundingObligation.objects.select_for_update(no_key=True, of=("self",)).get(pk=charge.obligation_id)
        if _is_booked(charge, outcome, amount_minor) or outcome.status != states.Refund.SUCCEEDED:
            return False
        now, public_id = clock.now(), uuid.uuid4()
        refund = FundingRefund.objects.create(
            public_id=public_id,
            obligation=obligation,
            charge=charge,
            amount_minor=amount_minor,
            reason="Made at the processor, not by us.",
            status=states.Refund.SUCCEEDED,
            idempotency_key=f"{FOREIGN}{public_id}",
            processor_refund_id=outcome.processor_refund_id or None,
            finished_at=now,
            created_at=now,
            updated_at=now,
        )
        charge.obligation = obligation
        trail.record(actor="processor:stripe", action="refund.foreign", subject=refund, amount_minor=amount_minor)
        ledger.post_refund(refund, charge)
        payment_notices.refunded(refund)
        if not obligation.is_top_up and obligation.status != states.Obligation.RELEASED:
            reference = ledger.reference_of(charge)
            key = f"goodwill:{public_id}"
            ledger.post(kind=ledger.Kind.GOODWILL, key=key, money=refund.money, reference=reference)
        cases.open_case(
            kind=Case.Kind.EVENT_CONTRADICTION,
            reference=_case_reference(refund),
            money=refund.money,
            summary=f"{refund.money} of {charge.processor_charge_id} was given back at the processor, not by us. It is "
            "booked as given back at our cost; find out who did it and why, and settle it with the cardholder.",
            obligation=obligation,
        )
        return True


def foreign_minor(charge: FundingCharge, refunded_minor: int) -> int:
    """Returns, in minor units, how much of a charge's refunded total at the processor is no refund of ours."""
    ours = FundingRefund.objects.filter(charge=charge, status__in=(*states.DUE_REFUND, states.Refund.SUCCEEDED))
    sent = ours.exclude(status=states.Refund.INTENDED)
    total: int = sent.aggregate(total=Sum("amount_minor", default=0))["total"]
    return max(0, refunded_minor - total)


def _is_booked(charge: FundingCharge, outcome: RefundOutcome, amount_minor: int) -> bool:
    """Returns whether it is booked under its id, or under a total without ids: then it gets its id."""
    named = outcome.processor_refund_id
    if named and FundingRefund.objects.filter(processor_refund_id=named).exists():
        return True
    unnamed = FundingRefund.objects.filter(
        charge=charge, idempotency_key__startswith=FOREIGN, processor_refund_id=None, amount_minor=amount_minor
    ).first()
    if named and unnamed is not None:
        FundingRefund.objects.filter(pk=unnamed.pk).update(processor_refund_id=named)
        return True
    return False
