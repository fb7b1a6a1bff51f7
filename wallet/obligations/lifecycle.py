"""Obligations outside a purchase's decision: beginning, reducing, releasing and refunding them."""

import uuid

from audit import trail
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import require_transaction
from onecard.kit.transitions import sources_of
from onecard.outbox import services as outbox
from wallet import carried_amounts, cases, states
from wallet import locking as wallet_locking
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation
from wallet.refunds import records as refunds

# The cases that ask for the money. They close when nothing is owed any more.
ASK_FOR_MONEY = (
    Case.Kind.FUNDING_DECLINED,
    Case.Kind.FUNDING_REFUSED,
    Case.Kind.FUNDING_NEEDS_CARDHOLDER,
    Case.Kind.RECEIVABLE,
)

# These charges have a final amount.
TAKEN = (states.Charge.CAPTURING, states.Charge.SUCCEEDED)


def begin(*, method: FundingMethod, reference: str, purchase: str, description: str, money: Money) -> FundingCharge:
    """Writes an obligation, its first charge and the message for the worker.

    Runs in the caller's transaction. A purchase's first obligation is written by its decision instead
    (issuing/authorizations/decision_store.py). A reference can be used once: a second obligation for it raises
    IntegrityError.
    """
    require_transaction("An obligation")
    now, public_id = clock.now(), uuid.uuid4()
    obligation = FundingObligation.objects.create(
        cardholder_id=method.cardholder_id,
        reference=reference,
        purchase=purchase,
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
    """Ends an obligation because nothing is owed any more; returns False when it had ended.

    Cancels a charge that no worker has claimed. What was taken is refunded, now or when the charge's outcome is known
    (wallet/charges/outcomes.py).
    """
    require_transaction("The release of an obligation")
    obligation = wallet_locking.lock(obligation_id) if obligation_id else None
    if obligation is None or not move(obligation, states.Obligation.RELEASED, actor=actor):
        return False
    cancel_unsent(obligation, actor=actor)
    _queue_hold(obligation)
    give_back_all(obligation, actor=actor)
    cases.resolve_cases(reference=f"obligation:{obligation.pk}", kinds=ASK_FOR_MONEY)
    return True


def cancel_unsent(obligation: FundingObligation, *, actor: str) -> None:
    """Cancels the charges that no worker has claimed; the processor never hears of them."""
    now = clock.now()
    for charge in FundingCharge.objects.filter(obligation=obligation, status=states.Charge.INTENDED):
        unsent = FundingCharge.objects.filter(pk=charge.pk, status=states.Charge.INTENDED)
        if unsent.update(status=states.Charge.CANCELED, next_attempt_at=None, finished_at=now, updated_at=now):
            carried_amounts.return_to_waiting(charge)
            trail.record(actor=actor, action="charge.canceled", subject=charge, was=charge.status)


def give_up(obligation: FundingObligation, amount_minor: int, *, actor: str) -> bool:
    """Reduces a hold by this much, so that it is never captured; returns False when it may have been taken."""
    require_transaction("A part of a hold")
    if obligation.policy != states.Policy.HOLD_THEN_CAPTURE or obligation.charges.filter(status__in=TAKEN).exists():
        return False
    _release_part(obligation, obligation.released_minor + amount_minor, actor=actor)
    return True


def give_up_waiting(obligation: FundingObligation, *, actor: str) -> None:
    """Before charging another card, subtracts what would be refunded at once. The caller has the obligation's lock.

    No charge of it is alive or succeeded then, so all of its refunds are waiting.
    """
    require_transaction("A part of what is owed")
    waiting_minor = refunds.cancel_waiting(obligation, actor=actor)
    if waiting_minor:
        _release_part(obligation, obligation.released_minor + waiting_minor, actor=actor)


def take_over_captured(obligation: FundingObligation, charge: FundingCharge, *, actor: str) -> int:
    """Sets `payable` to what a charge at approval took; returns in minor units how much more that is than was due.

    Only a charge from before a reduction can take more: somebody had it paid late by hand.
    """
    more = charge.money.minor - obligation.payable.minor
    if obligation.policy != states.Policy.CHARGE_NOW or more <= 0:
        return 0
    _release_part(obligation, obligation.released_minor - more, actor=actor)
    return more


def carry_part(obligation: FundingObligation, minor: int, *, unsent: FundingCharge | None = None, actor: str) -> None:
    """Takes off an obligation and its unsent charge what the processor cannot count. The caller has the lock.

    The cardholder's next charge takes it along.
    """
    require_transaction("A carried amount")
    if unsent is not None:
        unsent.amount_minor = unsent.money.minor - minor
        FundingCharge.objects.filter(pk=unsent.pk).update(amount_minor=unsent.amount_minor)
    _release_part(obligation, obligation.released_minor + minor, actor=actor)
    carried_amounts.carry(obligation, minor, actor=actor)


def _release_part(obligation: FundingObligation, released_minor: int, *, actor: str) -> None:
    """Sets how much of the obligation is given up in all. The row is locked."""
    change = released_minor - obligation.released_minor
    FundingObligation.objects.filter(pk=obligation.pk).update(released_minor=released_minor, updated_at=clock.now())
    obligation.released_minor = released_minor
    action = "funding.reduced" if change > 0 else "funding.raised"
    trail.record(actor=actor, action=action, subject=obligation, amount_minor=abs(change))


def capture_from_now(obligation: FundingObligation) -> None:
    """Has the hold captured, now or as soon as it is known to be held: no merchant can take more."""
    require_transaction("The capture of a hold")
    if obligation.policy != states.Policy.HOLD_THEN_CAPTURE:
        return
    now = clock.now()
    waits = FundingObligation.objects.filter(pk=obligation.pk)
    if waits.filter(capture_due_at=None, status__in=states.UNPAID).update(capture_due_at=now, updated_at=now):
        obligation.capture_due_at = now
        _queue_hold(obligation)


def _queue_hold(obligation: FundingObligation) -> None:
    """Has a worker look at the obligation's hold now, to capture it or to give it up."""
    held = FundingCharge.objects.filter(obligation=obligation, status=states.Charge.HELD).first()
    if held is not None:
        FundingCharge.objects.filter(pk=held.pk, claimed_until=None).update(next_attempt_at=clock.now())
        outbox.put(topic="funding.requested", charge_id=held.pk)


def give_back_all(obligation: FundingObligation, *, actor: str) -> None:
    """Refunds everything that was paid for a released obligation."""
    if not obligation.charges.filter(status=states.Charge.SUCCEEDED).exists():
        refunds.cancel_waiting(obligation, actor=actor)
        return
    left = obligation.payable.minor - refunds.given_back_minor(obligation)
    if left:
        refunds.begin(obligation=obligation, amount_minor=left, reason="The purchase did not happen.", actor=actor)


def move(obligation: FundingObligation, target: str, *, actor: str) -> bool:
    """Moves an obligation along its table of legal moves; returns False when the move is not legal."""
    sources = sources_of(states.OBLIGATION_MOVES, target)
    rows = FundingObligation.objects.filter(pk=obligation.pk, status__in=sources)
    if rows.update(status=target, updated_at=clock.now()) != 1:
        return False
    trail.record(actor=actor, action=f"funding.{target}", subject=obligation, was=obligation.status)
    return True
