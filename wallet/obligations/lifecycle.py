"""An obligation beyond its charges: beginning one outside a purchase, and releasing one that is not owed any more."""

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

# The cases that ask somebody to find the money; they are over when nothing is owed.
ASK_FOR_MONEY = (
    Case.Kind.FUNDING_DECLINED,
    Case.Kind.FUNDING_REFUSED,
    Case.Kind.FUNDING_NEEDS_CARDHOLDER,
    Case.Kind.RECEIVABLE,
)

# How much these take is settled.
TAKEN = (states.Charge.CAPTURING, states.Charge.SUCCEEDED)


def begin(*, method: FundingMethod, reference: str, purchase: str, description: str, money: Money) -> FundingCharge:
    """Writes down what a method of the cardholder shall pay, its first charge and the message for the worker.

    In the caller's transaction; a purchase's are written by its decision (issuing/authorizations/decision_store.py).
    The reference can be used once: a second obligation for it raises IntegrityError.
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
    """Says that nothing is owed any more; False when that was known.

    A charge that no worker has touched is canceled. What was taken is given back, now or when its outcome is known
    (wallet/charges/outcomes.py).
    """
    require_transaction("The release of an obligation")
    obligation = wallet_locking.lock(obligation_id) if obligation_id else None
    if obligation is None or not move(obligation, states.Obligation.RELEASED, actor=actor):
        return False
    cancel_unsent(obligation, actor=actor)
    _look_at_hold(obligation)
    give_back_all(obligation, actor=actor)
    cases.resolve_cases(reference=f"obligation:{obligation.pk}", kinds=ASK_FOR_MONEY)
    return True


def cancel_unsent(obligation: FundingObligation, *, actor: str) -> None:
    """Cancels what no worker has touched: the processor does not know of it, and never will."""
    now = clock.now()
    for charge in FundingCharge.objects.filter(obligation=obligation, status=states.Charge.INTENDED):
        unsent = FundingCharge.objects.filter(pk=charge.pk, status=states.Charge.INTENDED)
        if unsent.update(status=states.Charge.CANCELED, next_attempt_at=None, finished_at=now, updated_at=now):
            carried_amounts.set_down(charge)
            trail.record(actor=actor, action="charge.canceled", subject=charge, was=charge.status)


def give_up(obligation: FundingObligation, amount_minor: int, *, actor: str) -> bool:
    """Takes a part off what is only held, so that it is never captured; False when it may have been taken."""
    require_transaction("A part of a hold")
    if obligation.policy != states.Policy.HOLD_THEN_CAPTURE or obligation.charges.filter(status__in=TAKEN).exists():
        return False
    _release_part(obligation, obligation.released_minor + amount_minor, actor=actor)
    return True


def give_up_waiting(obligation: FundingObligation, *, actor: str) -> None:
    """Before a card is asked anew: what would go back as soon as it paid is not asked for. Under its lock.

    Nothing of it is alive or taken then, so everything that is to be given back waits.
    """
    require_transaction("A part of what is owed")
    waiting_minor = refunds.cancel_waiting(obligation, actor=actor)
    if waiting_minor:
        _release_part(obligation, obligation.released_minor + waiting_minor, actor=actor)


def settle_taken(obligation: FundingObligation, charge: FundingCharge, *, actor: str) -> int:
    """Has `payable` say what a charge at approval has taken; gives how much more that is than was asked for since.

    Only a charge from before a part fell away takes more, when somebody has it paid late by hand. Minor units.
    """
    more = charge.money.minor - obligation.payable.minor
    if obligation.policy != states.Policy.CHARGE_NOW or more <= 0:
        return 0
    _release_part(obligation, obligation.released_minor - more, actor=actor)
    return more


def carry_part(obligation: FundingObligation, minor: int, *, unsent: FundingCharge | None = None, actor: str) -> None:
    """Takes what the processor cannot count off an obligation, and off its charge that nobody has sent; under its lock.

    It goes along with the cardholder's next charge.
    """
    require_transaction("A carried amount")
    if unsent is not None:
        unsent.amount_minor = unsent.money.minor - minor
        FundingCharge.objects.filter(pk=unsent.pk).update(amount_minor=unsent.amount_minor)
    _release_part(obligation, obligation.released_minor + minor, actor=actor)
    carried_amounts.carry(obligation, minor, actor=actor)


def _release_part(obligation: FundingObligation, released_minor: int, *, actor: str) -> None:
    """So much of it is given up in all; the row is locked."""
    change = released_minor - obligation.released_minor
    FundingObligation.objects.filter(pk=obligation.pk).update(released_minor=released_minor, updated_at=clock.now())
    obligation.released_minor = released_minor
    action = "funding.reduced" if change > 0 else "funding.raised"
    trail.record(actor=actor, action=action, subject=obligation, amount_minor=abs(change))


def capture_from_now(obligation: FundingObligation) -> None:
    """No merchant takes more of it: what is held is captured, now or as soon as it is known to be held."""
    require_transaction("The capture of a hold")
    if obligation.policy != states.Policy.HOLD_THEN_CAPTURE:
        return
    now = clock.now()
    waits = FundingObligation.objects.filter(pk=obligation.pk)
    if waits.filter(capture_due_at=None, status__in=states.UNPAID).update(capture_due_at=now, updated_at=now):
        obligation.capture_due_at = now
        _look_at_hold(obligation)


def _look_at_hold(obligation: FundingObligation) -> None:
    """Has the hold of an obligation looked at now, if there is one: captured, or given up when nothing is owed."""
    held = FundingCharge.objects.filter(obligation=obligation, status=states.Charge.HELD).first()
    if held is not None:
        FundingCharge.objects.filter(pk=held.pk, claimed_until=None).update(next_attempt_at=clock.now())
        outbox.put(topic="funding.requested", charge_id=held.pk)


def give_back_all(obligation: FundingObligation, *, actor: str) -> None:
    """Whatever was paid for a released obligation goes back; what was never paid has nothing to give back."""
    if not obligation.charges.filter(status=states.Charge.SUCCEEDED).exists():
        refunds.cancel_waiting(obligation, actor=actor)
        return
    left = obligation.payable.minor - refunds.given_back_minor(obligation)
    if left:
        refunds.begin(obligation=obligation, amount_minor=left, reason="The purchase did not happen.", actor=actor)


def move(obligation: FundingObligation, target: str, *, actor: str) -> bool:
    """Moves an obligation along its table of legal moves; False when the move is not legal from where it stands."""
    sources = sources_of(states.OBLIGATION_MOVES, target)
    rows = FundingObligation.objects.filter(pk=obligation.pk, status__in=sources)
    if rows.update(status=target, updated_at=clock.now()) != 1:
        return False
    trail.record(actor=actor, action=f"funding.{target}", subject=obligation, was=obligation.status)
    return True
