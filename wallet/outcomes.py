"""Writing down what became of a charge, whoever brings the news: a worker's answer, an event, or a look-up."""

import datetime as dt
import logging
from typing import Any

from django.db import IntegrityError

from audit import trail
from onecard.kit import clock
from onecard.kit.moves import sources_of
from onecard.kit.transactions import savepoint, transaction
from wallet import cases, declines, obligations, states
from wallet.models import Case, FundingCharge, FundingObligation
from wallet.processors.base import Outcome

log = logging.getLogger(__name__)

# A charge that the processor is working on is looked up again after this long, in case its event gets lost.
LOOK_AGAIN = dt.timedelta(minutes=10)
FAILURES = {
    states.Charge.DECLINED: Case.Kind.FUNDING_DECLINED,
    states.Charge.REFUSED: Case.Kind.FUNDING_REFUSED,
    states.Charge.CANCELED: Case.Kind.FUNDING_REFUSED,
    states.Charge.REQUIRES_ACTION: Case.Kind.FUNDING_NEEDS_CARDHOLDER,
}
ENDED = (states.Charge.SUCCEEDED, states.Charge.DECLINED, states.Charge.REFUSED, states.Charge.CANCELED)


def apply_news(outcome: Outcome) -> bool:
    """Applies what the processor reports of a charge; False when the charge is none of ours."""
    charges = FundingCharge.objects.filter(processor_charge_id=outcome.processor_charge_id)
    charge = charges.first() or _by_our_own_id(outcome.charge_public_id)
    if charge is None:
        return False
    record(charge_id=charge.pk, outcome=outcome, actor="processor:stripe")
    return True


def record(*, charge_id: int, outcome: Outcome, actor: str) -> bool:
    """Moves a charge to its outcome, and its obligation, cases, method and trail with it, in one commit.

    Late or repeated news changes nothing (money-safety I10) and gives False.
    """
    with transaction():
        obligation = obligations.lock(FundingCharge.objects.values_list("obligation_id", flat=True).get(pk=charge_id))
        charge = FundingCharge.objects.select_related("method").get(pk=charge_id)
        if not _move(charge, outcome):
            return _second_success(charge, obligation, outcome)
        trail.record(
            actor=actor,
            action=f"charge.{outcome.status}",
            subject=charge,
            was=charge.status,
            processor_charge_id=outcome.processor_charge_id,
            failure_code=outcome.failure_code,
        )
        _follow(charge, obligation, outcome, actor)
        return True


def _move(charge: FundingCharge, outcome: Outcome) -> bool:
    now = clock.now()
    changes: dict[str, Any] = {"status": outcome.status, "claimed_until": None, "updated_at": now}
    changes |= {"failure_code": outcome.failure_code, "failure_message": outcome.failure_message}
    changes["finished_at"] = now if outcome.status in ENDED else None
    changes["next_attempt_at"] = now + LOOK_AGAIN if outcome.status == states.Charge.PROCESSING else None
    if outcome.processor_charge_id:
        changes["processor_charge_id"] = outcome.processor_charge_id
    sources = sources_of(states.CHARGE_MOVES, outcome.status)
    try:
        with savepoint():
            return FundingCharge.objects.filter(pk=charge.pk, status__in=sources).update(**changes) == 1
    except IntegrityError:
        # Another charge of the obligation is alive or took the money: the constraint keeps the books from lying.
        log.exception("charge %s: %s would be a second live charge", charge.public_id, outcome.status)
        return False


def _second_success(charge: FundingCharge, obligation: FundingObligation, outcome: Outcome) -> bool:
    """A success that cannot be recorded is money taken twice or after the end: never silent."""
    if outcome.status == states.Charge.SUCCEEDED and charge.status != states.Charge.SUCCEEDED:
        cases.open_obligation_case(
            kind=Case.Kind.TWO_CHARGES,
            obligation=obligation,
            summary=f"{outcome.processor_charge_id} succeeded at the processor, but our charge is {charge.status}.",
        )
    return False


def _follow(charge: FundingCharge, obligation: FundingObligation, outcome: Outcome, actor: str) -> None:
    """What the outcome means for the obligation."""
    if outcome.status == states.Charge.SUCCEEDED:
        _funded(obligation, actor)
    elif outcome.status in FAILURES and obligation.status != states.Obligation.RELEASED:
        if outcome.status in ENDED:
            obligations.move(obligation, states.Obligation.FAILED, actor=actor)
        cases.open_obligation_case(
            kind=FAILURES[states.Charge(outcome.status)],
            obligation=obligation,
            summary=f"{charge.method}: {outcome.failure_message or outcome.failure_code or outcome.status}",
        )
    if outcome.status in (states.Charge.DECLINED, states.Charge.REQUIRES_ACTION) or declines.blames_method(outcome):
        declines.cool_down(charge.method, outcome.failure_code, actor=actor)


def _funded(obligation: FundingObligation, actor: str) -> None:
    if not obligations.move(obligation, states.Obligation.FUNDED, actor=actor):
        obligations.open_charged_without_purchase(obligation)
    cases.resolve_cases(
        reference=f"obligation:{obligation.pk}",
        kinds=(*FAILURES.values(), Case.Kind.FUNDING_UNKNOWN),
    )


def _by_our_own_id(public_id: str) -> FundingCharge | None:
    """The charge whose id the processor carries in its metadata: the answer that named its own id was lost."""
    import uuid

    try:
        return FundingCharge.objects.filter(public_id=uuid.UUID(public_id)).first()
    except ValueError:
        return None
