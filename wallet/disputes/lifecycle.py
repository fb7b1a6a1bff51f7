"""A funding card's bank disputes our charge: what it takes and returns, the case, and the end (decision 0030).

The newest report of the processor decides, in whatever order and however often reports come. Each movement is booked
once under the processor's id, the status moves along its table of legal moves, and the loss is computed.
"""

import datetime as dt
from typing import Any

from audit import trail
from audit.models import Entry
from onecard.kit import clock
from onecard.kit.insert_once import insert_once
from onecard.kit.money import Money
from onecard.kit.transactions import require_transaction, transaction
from onecard.kit.transitions import sources_of
from wallet import cases, states
from wallet import locking as wallet_locking
from wallet.disputes import lost as lost_disputes
from wallet.ledger import postings as ledger
from wallet.methods import usable as methods
from wallet.models import Case, FundingCharge, FundingDispute, FundingMethod, Posting
from wallet.processors.stripe.disputes import DisputeMovement, ProcessorDispute
from wallet.references import Subject

ACTOR = "processor:stripe"
MOVED = "charge_dispute.moved"
Status = states.FundingDispute
# The bank keeps the money or may keep it, so the card is not charged again without a person.
DISTRUSTED = (Status.NEEDS_RESPONSE, Status.UNDER_REVIEW, Status.LOST)


def apply_update(found: ProcessorDispute, *, reported_at: dt.datetime, moved: str = "") -> bool:
    """Updates a dispute from the processor's report; returns False when its charge is not ours.

    The dispute is stored either way, with a case. `moved` is "withdrawn" or "reinstated" when the event says that money
    moved; that counts even when the report lists no movement.
    """
    with transaction():
        charge = charge_of(found.payment_intent_id)
        if charge is not None:
            # The same lock as in wallet/obligations/adjust.py, which must not miss what is owed again.
            wallet_locking.lock_purchase(ledger.reference_of(charge))
            charge.obligation = wallet_locking.lock(charge.obligation_id)
        dispute = _stored(found, charge, reported_at)
        _move(dispute, found, reported_at)
        if charge is None:
            _keep_as_nobodys(dispute)
            return False
        _book(dispute, charge, _movements(dispute, found, moved))
        _follow_loss(dispute, charge)
        _keep_case(dispute, charge)
        if dispute.status in DISTRUSTED:
            _switch_off(charge.method, dispute)
        return True


def charge_of(payment_intent_id: str) -> FundingCharge | None:
    """Returns our charge by the processor's id, or None."""
    if not payment_intent_id:
        return None
    charges = FundingCharge.objects.filter(processor_charge_id=payment_intent_id)
    return charges.select_related("obligation", "method").first()


def _stored(found: ProcessorDispute, charge: FundingCharge | None, reported_at: dt.datetime) -> FundingDispute:
    now = clock.now()
    row = FundingDispute(
        charge=charge,
        processor_dispute_id=found.id,
        processor_charge_id=found.payment_intent_id or found.charge_id,
        status=found.status,
        reason=found.reason,
        amount_minor=found.amount_minor,
        currency=found.currency,
        due_at=found.due_at,
        told_at=reported_at,
        opened_at=found.opened_at,
        created_at=now,
        updated_at=now,
    )
    is_new = insert_once(row, unique=("processor_dispute_id",))
    dispute = FundingDispute.objects.select_for_update(no_key=True, of=("self",)).get(processor_dispute_id=found.id)
    if is_new:
        trail.record(actor=ACTOR, action=f"charge_dispute.{found.status}", subject=dispute, reason=found.reason)
    if dispute.charge_id is None and charge is not None:
        FundingDispute.objects.filter(pk=dispute.pk).update(charge=charge)
        dispute.charge = charge
        cases.resolve_cases(reference=lost_disputes.reference_of(dispute), kinds=(Case.Kind.UNHANDLED_MONEY,))
    return dispute


def _move(dispute: FundingDispute, found: ProcessorDispute, reported_at: dt.datetime) -> None:
    """Moves the status unless the report is older than what is known; details follow the newest report."""
    if found.status != dispute.status and _may_move(dispute, found.status, reported_at):
        sources = sources_of(states.FUNDING_DISPUTE_MOVES, found.status)
        rows = FundingDispute.objects.filter(pk=dispute.pk, status__in=sources)
        if rows.update(status=found.status, updated_at=clock.now()):
            trail.record(actor=ACTOR, action=f"charge_dispute.{found.status}", subject=dispute, was=dispute.status)
            dispute.status = found.status
    changes: dict[str, Any] = {}
    if reported_at >= dispute.told_at:
        changes = {
            "amount_minor": found.amount_minor,
            "reason": found.reason,
            "due_at": found.due_at,
            "told_at": reported_at,
        }
    if (dispute.status in states.DISPUTE_ENDS) != (dispute.closed_at is not None):
        changes["closed_at"] = clock.now() if dispute.closed_at is None else None
    if changes:
        FundingDispute.objects.filter(pk=dispute.pk).update(updated_at=clock.now(), **changes)
        dispute.refresh_from_db()


def _may_move(dispute: FundingDispute, target: str, reported_at: dt.datetime) -> bool:
    """Only a newer report may change an ended dispute or reopen a closed inquiry."""
    return dispute.status not in states.DISPUTE_ENDS or (reported_at > dispute.told_at and target != dispute.status)


def _book(dispute: FundingDispute, charge: FundingCharge, movements: list[DisputeMovement]) -> None:
    """Books each movement of our balance once by the processor's id, and the fee under the nightly list's key."""
    booked = []
    for movement in movements:
        money = _in_charges_currency(dispute, movement)
        if money.minor and _post(movement.id, money, charge, back=movement.amount_minor > 0):
            booked.append(-money.minor if movement.amount_minor > 0 else money.minor)
        if movement.fee_minor:
            ledger.post(
                kind=ledger.Kind.FEE,
                key=f"fee:{movement.id}",
                money=Money(abs(movement.fee_minor), movement.currency),
                reference=ledger.reference_of(charge),
                back=movement.fee_minor < 0,
            )
    if booked:
        moved = sum(booked)
        dispute.withdrawn_minor += moved
        # What was returned was not lost.
        lost_disputes.won_back(dispute, charge, max(0, dispute.lost_minor - dispute.withdrawn_minor))
        FundingDispute.objects.filter(pk=dispute.pk).update(
            withdrawn_minor=dispute.withdrawn_minor, lost_minor=dispute.lost_minor, updated_at=clock.now()
        )
        trail.record(actor=ACTOR, action=MOVED, subject=dispute, amount_minor=moved)


def _movements(dispute: FundingDispute, found: ProcessorDispute, moved: str) -> list[DisputeMovement]:
    """Returns the movements that the report lists, or the one that it mentions without a list.

    A movement that was booked without a list is the first of its direction in a later list.
    """
    unlisted = {word: f"{found.id}:{word}" for word in ("withdrawn", "reinstated")}
    keys = [_key(name) for name in unlisted.values()]
    known = set(Posting.objects.filter(key__in=keys).values_list("key", flat=True))
    if moved and not found.movements:
        if _has_moved(dispute) and not known:
            # Its movements came in lists; this is one of them, as another API version reports it.
            return []
        taken = DisputeMovement(unlisted["withdrawn"], -found.amount_minor, 0, found.currency)
        if moved == "withdrawn":
            return [taken]
        given_back = DisputeMovement(unlisted["reinstated"], found.amount_minor, 0, found.currency)
        # What was returned had been taken before, although that report is still on its way.
        return [given_back] if dispute.withdrawn_minor >= found.amount_minor else [taken, given_back]
    left = []
    for movement in found.movements:
        name = unlisted["withdrawn" if movement.amount_minor < 0 else "reinstated"]
        if _key(name) in known:
            known.discard(_key(name))
            left.append(DisputeMovement(movement.id, 0, movement.fee_minor, movement.currency))
        else:
            left.append(movement)
    return left


def _has_moved(dispute: FundingDispute) -> bool:
    mine = Entry.objects.filter(subject_type="fundingdispute", subject_id=str(dispute.pk))
    return mine.filter(action=MOVED).exists()


def _key(movement_id: str) -> str:
    return Subject.CHARGE_DISPUTE.reference(movement_id)


def _in_charges_currency(dispute: FundingDispute, movement: DisputeMovement) -> Money:
    """Returns the movement in the charge's currency; the nightly list books the exchange, if there was one."""
    same = movement.currency == dispute.currency
    return Money(abs(movement.amount_minor) if same else dispute.amount_minor, dispute.currency)


def _post(movement_id: str, money: Money, charge: FundingCharge, *, back: bool) -> bool:
    return ledger.post(
        kind=ledger.Kind.CHARGE_DISPUTED,
        key=_key(movement_id),
        money=money,
        reference=ledger.reference_of(charge),
        back=back,
    )


def _follow_loss(dispute: FundingDispute, charge: FundingCharge) -> None:
    """Makes the cardholder owe the amount when the dispute is lost, and ends that debt when it is won after all."""
    if dispute.status == Status.LOST and dispute.withdrawn_minor > dispute.lost_minor:
        if charge.obligation.is_top_up:
            lost_disputes.open_top_up_case(dispute, charge)
        else:
            lost_disputes.owe(dispute, charge)
    elif dispute.status == Status.WON and dispute.lost_minor:
        lost_disputes.won_back(dispute, charge, dispute.lost_minor)


def _keep_case(dispute: FundingDispute, charge: FundingCharge) -> None:
    """Keeps one open case with its due date, and closes it when the dispute ends."""
    reference = lost_disputes.reference_of(dispute)
    if dispute.status in states.DISPUTE_ENDS:
        cases.resolve_cases(reference=reference, kinds=(Case.Kind.CHARGE_DISPUTED,))
        return
    case = cases.open_case(
        kind=Case.Kind.CHARGE_DISPUTED,
        reference=reference,
        money=dispute.money,
        summary=_in_words(dispute, charge),
        obligation=charge.obligation,
    )
    Case.objects.filter(pk=case.pk).update(summary=_in_words(dispute, charge)[:300], amount_minor=dispute.amount_minor)


def _in_words(dispute: FundingDispute, charge: FundingCharge) -> str:
    why = lost_disputes.why(dispute)
    due = f"Evidence is due by {dispute.due_at:%d %b %Y, %H:%M} UTC" if dispute.due_at else "No evidence is due"
    if dispute.is_inquiry:
        return f"The bank of {charge.method} asks about this charge: {why}. No money has moved. {due}."
    return f"The bank of {charge.method} took {dispute.money} back: {why}. {due}. The card is switched off."


def _keep_as_nobodys(dispute: FundingDispute) -> None:
    cases.open_case(
        kind=Case.Kind.UNHANDLED_MONEY,
        reference=lost_disputes.reference_of(dispute),
        money=dispute.money,
        summary=f"The processor reports dispute {dispute.processor_dispute_id} of {dispute.processor_charge_id}, which "
        "is no charge of ours. It is kept and not booked: look it up in the processor's dashboard.",
    )


def _switch_off(method: FundingMethod, dispute: FundingDispute) -> None:
    """Disables the card, once for each dispute: our policy until staff enable it again."""
    require_transaction("A card that is switched off")
    action = "method.disputed"
    disabled = Entry.objects.filter(subject_type="fundingmethod", subject_id=str(method.pk), action=action)
    if disabled.filter(details__dispute=dispute.processor_dispute_id).exists():
        return
    methods.lock_wallet(method.cardholder_id)
    # Also a card that had expired: a new date does not enable it again.
    still_there = FundingMethod.objects.filter(pk=method.pk).exclude(status=FundingMethod.Status.DETACHED)
    still_there.update(status=FundingMethod.Status.DISABLED, disabled_because="", updated_at=clock.now())
    trail.record(actor=ACTOR, action=action, subject=method, dispute=dispute.processor_dispute_id, why=dispute.reason)
