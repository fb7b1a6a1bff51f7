"""The safe repairs: each writes what one side has proved, by the function that the lost update would have called.

A repair never makes a new charge or refund, another amount, or a posting without a row. Staff resolve everything else.
"""

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from django.db import models

from audit import trail
from issuing import locking
from issuing.clearing import card_transactions, posting
from issuing.issuers.base import IssuerTransaction
from issuing.models import CardTransaction
from issuing.reconcile.compare import Difference, Kind
from issuing.reconcile.external_staging import detail_of
from onecard.kit import clock
from onecard.kit.transactions import transaction
from wallet import locking as wallet_locking
from wallet import states
from wallet.charges import outcomes
from wallet.ledger import postings as ledger
from wallet.models import FundingCharge, FundingRefund
from wallet.processors.base import Outcome, RefundOutcome
from wallet.refunds import records as refunds

Remedy = Callable[[str, Difference], "Repair | None"]


@dataclass(frozen=True, slots=True)
class Repair:
    """The sentence that says what was done, and the row; `is_settled` when the difference is gone."""

    subject: models.Model
    done: str
    is_settled: bool = True


def repair(remedy: Remedy, provider: str, difference: Difference, *, actor: str) -> Repair | None:
    """Applies a repair and records it, in one commit; None when this difference has none or needs none."""
    with transaction():
        made = remedy(provider, difference)
        if made is not None:
            trail.record(
                actor=actor,
                action="reconcile.repaired",
                subject=made.subject,
                kind=difference.kind,
                key=difference.key,
                done=made.done,
            )
        return made


def record_transaction(provider: str, difference: Difference) -> Repair | None:
    """Records a movement that the issuer lists and no webhook reported."""
    if difference.kind != Kind.MISSING_HERE or difference.there is None:
        return None
    listed = IssuerTransaction(*detail_of(difference.there))
    found = replace(listed, created_at=dt.datetime.fromisoformat(str(listed.created_at)))
    with card_transactions.locked(found, provider=provider):
        is_new = card_transactions.record(found, provider=provider, source=CardTransaction.Source.SYNC)
    if not is_new:
        return None
    kept = CardTransaction.objects.get(provider=provider, issuer_transaction_id=found.id)
    return Repair(kept, "Recorded from the issuer's list.")


def record_charge(provider: str, difference: Difference) -> Repair | None:
    """Records an outcome that the processor knows and we do not; without one, asks again at once."""
    charge = FundingCharge.objects.filter(public_id=difference.key).first() if _is_ours(difference.key) else None
    if charge is None or difference.kind not in (Kind.STATE, Kind.UNKNOWN_OUTCOME):
        return None
    if difference.there is None:
        return _ask_again(charge)
    outcome = Outcome(*detail_of(difference.there))
    is_final = outcome.status == states.Charge.SUCCEEDED or charge.status in states.HOLDING
    if difference.kind == Kind.STATE and not is_final:
        return None
    if not outcomes.record(charge_id=charge.pk, outcome=outcome, actor=f"processor:{provider}"):
        return None
    return Repair(charge, f"Took over from the processor's list: {outcome.status}.")


def record_refund(provider: str, difference: Difference) -> Repair | None:
    """As for charges; a refund that we recorded as succeeded may have failed since."""
    refund = FundingRefund.objects.filter(public_id=difference.key).first() if _is_ours(difference.key) else None
    if refund is None or difference.kind not in (Kind.STATE, Kind.UNKNOWN_OUTCOME):
        return None
    if difference.there is None:
        return _ask_again(refund)
    outcome = RefundOutcome(*detail_of(difference.there))
    if not refunds.record(refund_id=refund.pk, outcome=outcome, actor=f"processor:{provider}"):
        return None
    return Repair(refund, f"Took over from the processor's list: {outcome.status}.")


def post_charge(_provider: str, difference: Difference) -> Repair | None:
    """Posts a succeeded charge that is missing in the ledger."""
    if difference.kind != Kind.MISSING_THERE:
        return None
    charge = FundingCharge.objects.select_related("obligation").get(public_id=_id_in(difference.key))
    wallet_locking.lock(charge.obligation_id)
    charge.refresh_from_db(fields=("status",))
    if charge.status != states.Charge.SUCCEEDED or not ledger.post_charge(charge):
        return None
    return Repair(charge, "Posted the charge.")


def post_refund(_provider: str, difference: Difference) -> Repair | None:
    """Posts a succeeded refund that is missing in the ledger."""
    if difference.kind != Kind.MISSING_THERE:
        return None
    refund = FundingRefund.objects.select_related("charge__obligation").get(public_id=_id_in(difference.key))
    wallet_locking.lock(refund.obligation_id)
    refund.refresh_from_db(fields=("status",))
    if refund.charge is None or refund.status != states.Refund.SUCCEEDED:
        return None
    return Repair(refund, "Posted the refund.") if ledger.post_refund(refund, refund.charge) else None


def post_transaction(_provider: str, difference: Difference) -> Repair | None:
    """Posts a movement with a known purchase that is missing in the ledger; the amount due follows."""
    if difference.kind != Kind.MISSING_THERE:
        return None
    kept = CardTransaction.objects.select_related("authorization").get(pk=int(_id_in(difference.key).partition(":")[0]))
    if kept.authorization is None:
        return None
    with locking.locked_purchase(kept.authorization):
        kept.refresh_from_db()
        return Repair(kept, "Posted the movement.") if posting.book(kept) else None


def no_repair(_provider: str, _difference: Difference) -> Repair | None:
    """No repair is always right."""
    return None


def _ask_again(row: FundingCharge | FundingRefund) -> Repair | None:
    """Asks about a waiting row only: the worker that holds a row asks by itself. The outcome is not known by this."""
    now, waiting = clock.now(), type(row).objects.filter(pk=row.pk, status=states.Charge.UNKNOWN)
    if not waiting.filter(models.Q(next_attempt_at=None) | models.Q(next_attempt_at__gt=now)).update(
        next_attempt_at=now, updated_at=now
    ):
        return None
    return Repair(row, "Asked the processor again.", is_settled=False)


def _id_in(key: str) -> str:
    return key.partition(":")[2]


def _is_ours(key: str) -> bool:
    try:
        return bool(uuid.UUID(key))
    except ValueError:
        return False
