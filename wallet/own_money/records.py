"""Records what a report says of a top-up or payout: by event or from the list, in any order, each change once."""

from audit import trail
from onecard.kit import clock
from onecard.kit.insert_once import insert_once
from onecard.kit.transactions import transaction
from onecard.kit.transitions import sources_of
from onecard.outbox import services as outbox
from wallet import cases, states
from wallet.models import Case, OwnTransfer
from wallet.processors.stripe.own_transfers import FoundTransfer

TOPIC = "own_money.changed"


def record(found: FoundTransfer, *, provider: str = "stripe") -> bool:
    """Records a report and asks a worker to book what it means; returns whether it said anything new.

    A report that is older than what is known changes nothing, since no legal move leads back.
    """
    with transaction():
        is_new = insert_once(_row(found, provider), unique=("provider", "processor_transfer_id"))
        row = OwnTransfer.objects.select_for_update(no_key=True).get(provider=provider, processor_transfer_id=found.id)
        if not is_new and not _moved(row, found):
            return False
        trail.record(actor=f"processor:{provider}", action=f"own_transfer.{found.status}", subject=row)
        if found.status in states.OWN_TRANSFER_LOST:
            _open_case(row, found)
        outbox.put(topic=TOPIC, transfer_id=row.pk)
        return True


def _moved(row: OwnTransfer, found: FoundTransfer) -> bool:
    if found.status == row.status:
        return False
    may_move = OwnTransfer.objects.filter(pk=row.pk, status__in=sources_of(states.OWN_TRANSFER_MOVES, found.status))
    changes = {"failure": found.failure, "expected_at": found.expected_at or row.expected_at}
    return bool(may_move.update(status=found.status, is_booked=False, updated_at=clock.now(), **changes))


def _open_case(row: OwnTransfer, found: FoundTransfer) -> None:
    why = f": {found.failure.rstrip('.')}" if found.failure else ""
    was = "was taken back" if found.status == states.OwnTransfer.REVERSED else "failed"
    cases.open_case(
        kind=Case.Kind.TRANSFER_FAILED,
        reference=row.reference,
        money=row.money,
        summary=f"{row.get_kind_display()} {row.processor_transfer_id} {was}{why}.",
    )


def _row(found: FoundTransfer, provider: str) -> OwnTransfer:
    return OwnTransfer(
        provider=provider,
        processor_transfer_id=found.id,
        kind=found.kind,
        balance=found.balance,
        status=found.status,
        amount_minor=found.money.minor,
        currency=found.money.currency,
        failure=found.failure,
        expected_at=found.expected_at,
        created_at=found.created_at,
        updated_at=clock.now(),
    )
