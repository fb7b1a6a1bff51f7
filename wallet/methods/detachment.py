"""Takes saved cards from their customer at the processor: claim and commit, call, record (onecard/kit/attempts.py)."""

import datetime as dt

from audit import trail
from onecard.kit import clock
from onecard.kit.attempts import Attempts
from onecard.kit.insert_once import insert_once
from onecard.kit.transactions import require_no_transaction, require_transaction, transaction
from onecard.kit.transitions import sources_of
from onecard.outbox import services as outbox
from wallet import cases, states
from wallet.models import CardDetachment, Cardholder, Case, FundingMethod
from wallet.processors.base import NotProcessedError, OutcomeUnknownError
from wallet.processors.stripe import saving
from wallet.references import Subject

ACTOR = "system:card_removal"
DETACHMENTS = Attempts(
    model=CardDetachment,
    what="card detachment",
    statuses=states.DUE_DETACHMENT,
    grace=dt.timedelta(seconds=5),
)


def intend(processor_method_id: str, *, holder: Cardholder, method: FundingMethod | None, actor: str) -> None:
    """Writes the detachment in the caller's transaction, once per saved card, with the message for the worker."""
    require_transaction("The removal of a card")
    now = clock.now()
    row = CardDetachment(
        processor_method_id=processor_method_id,
        cardholder=holder,
        method=method,
        requested_by=actor,
        next_attempt_at=now,
        created_at=now,
        updated_at=now,
    )
    if insert_once(row, unique=("processor_method_id",)):
        outbox.put(topic="card.detach_requested", detachment_id=row.pk)


def detach(*, detachment_id: int) -> str:
    """Makes one attempt at a due detachment, records the answer and returns its status.

    Safe to call twice, at once, late or never again. Raises TransactionError inside a transaction.
    """
    require_no_transaction("A call to the processor")
    claimed = _claim(detachment_id)
    if claimed is not None:
        try:
            saving.detach(claimed.processor_method_id)
        except (NotProcessedError, OutcomeUnknownError) as error:
            _try_later(claimed, error.message, retry_after_s=error.retry_after_s)
        else:
            _done(claimed)
    return CardDetachment.objects.values_list("status", flat=True).get(pk=detachment_id)


def is_removed(method: FundingMethod) -> bool:
    """Returns whether its owner removed the card, and not the processor."""
    return hasattr(method, "detachment")


def sweep() -> int:
    """Makes an attempt at every due detachment whose message seems lost; returns how many."""
    return DETACHMENTS.sweep(lambda detachment_id: detach(detachment_id=detachment_id))


def _claim(detachment_id: int) -> CardDetachment | None:
    with transaction():
        due = CardDetachment.objects.filter(DETACHMENTS.due(clock.now()), pk=detachment_id)
        claimed = due.select_related("cardholder", "method").first()
        if claimed is None or not DETACHMENTS.claim(claimed, status=states.Detachment.SENDING):
            return None
        return claimed


def _done(row: CardDetachment) -> None:
    with transaction():
        mine = DETACHMENTS.held(row).filter(status__in=sources_of(states.DETACHMENT_MOVES, states.Detachment.DONE))
        changes = {"claimed_until": None, "next_attempt_at": None, "updated_at": clock.now()}
        if mine.update(status=states.Detachment.DONE, **changes):
            trail.record(
                actor=ACTOR,
                action="method.detached",
                subject=row.method or row.cardholder,
                processor_method=row.processor_method_id,
            )
            cases.resolve_cases(reference=_reference(row), kinds=(Case.Kind.CARD_REMOVAL_FAILING,))


def _try_later(row: CardDetachment, message: str, *, retry_after_s: float | None) -> None:
    with transaction():
        back = DETACHMENTS.put_back(row, message=message, delay_s=retry_after_s, status=states.Detachment.INTENDED)
        complaint = DETACHMENTS.complaint(row, message)
        if back and complaint:
            cases.open_case(
                kind=Case.Kind.CARD_REMOVAL_FAILING,
                reference=_reference(row),
                money=cases.NO_MONEY,
                summary=f"{row.cardholder.name} removed {row.method or row.processor_method_id}; {complaint}",
            )


def _reference(row: CardDetachment) -> str:
    return Subject.CARD_DETACHMENT.reference(row.pk)
