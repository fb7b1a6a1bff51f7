"""An obligation beyond its charges: beginning one outside a purchase, and releasing one that is not owed any more."""

import uuid

from audit import trail
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.moves import sources_of
from onecard.kit.transactions import require_transaction
from onecard.outbox import services as outbox
from wallet import cases, states
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation


def begin(*, method: FundingMethod, reference: str, description: str, money: Money) -> FundingCharge:
    """Writes down what a method of the cardholder shall pay, its first charge and the message for the worker.

    In the caller's transaction; a purchase's are written by its decision (issuing/store.py). The reference can be
    used once: a second obligation for it raises IntegrityError.
    """
    require_transaction("An obligation")
    now, public_id = clock.now(), uuid.uuid4()
    obligation = FundingObligation.objects.create(
        cardholder_id=method.cardholder_id,
        reference=reference,
        description=description[:200],
        amount_minor=money.minor,
        currency=money.currency,
        created_at=now,
        updated_at=now,
    )
    charge = FundingCharge.objects.create(
        public_id=public_id,
        obligation=obligation,
        method=method,
        idempotency_key=f"charge-{public_id}",
        next_attempt_at=now,
        created_at=now,
        updated_at=now,
    )
    outbox.put(topic="funding.requested", charge_id=charge.pk)
    return charge


def release(*, obligation_id: int | None, actor: str) -> bool:
    """Says that nothing is owed any more; False when that was known.

    A charge that no worker has touched is canceled. One that took money, or may have, cannot be: a case follows now,
    or when its outcome is known (wallet/outcomes.py). Refunding by itself comes with settlement.
    """
    require_transaction("The release of an obligation")
    obligation = lock(obligation_id) if obligation_id else None
    if obligation is None or not move(obligation, states.Obligation.RELEASED, actor=actor):
        return False
    now = clock.now()
    for charge in FundingCharge.objects.filter(obligation=obligation, status=states.Charge.INTENDED):
        unsent = FundingCharge.objects.filter(pk=charge.pk, status=states.Charge.INTENDED)
        if unsent.update(status=states.Charge.CANCELED, next_attempt_at=None, finished_at=now, updated_at=now):
            trail.record(actor=actor, action="charge.canceled", subject=charge, was=charge.status)
    if FundingCharge.objects.filter(obligation=obligation, status=states.Charge.SUCCEEDED).exists():
        open_charged_without_purchase(obligation)
    return True


def move(obligation: FundingObligation, target: str, *, actor: str) -> bool:
    """Moves an obligation along its table of legal moves; False when the move is not legal from where it stands."""
    sources = sources_of(states.OBLIGATION_MOVES, target)
    rows = FundingObligation.objects.filter(pk=obligation.pk, status__in=sources)
    if rows.update(status=target, updated_at=clock.now()) != 1:
        return False
    trail.record(actor=actor, action=f"funding.{target}", subject=obligation, was=obligation.status)
    return True


def lock(obligation_id: int) -> FundingObligation:
    """Locks an obligation: the one order is obligation first, then its charges."""
    return FundingObligation.objects.select_for_update(no_key=True, of=("self",)).get(pk=obligation_id)


def open_charged_without_purchase(obligation: FundingObligation) -> None:
    """A person has to give the money back."""
    cases.open_obligation_case(
        kind=Case.Kind.CHARGED_WITHOUT_PURCHASE,
        obligation=obligation,
        summary="The funding card was charged, but the purchase was declined or reversed: refund the charge.",
    )
