"""The money that disputes moved, by its rows, and the case that watches a dispute while more may move."""

from django.db.models import Q, QuerySet, Sum

from issuing import states
from issuing.models import CardTransaction, Dispute
from wallet import cases
from wallet.models import Case

Type = CardTransaction.Type


def watch(dispute: Dispute) -> None:
    """Keeps the case open until the dispute is over and its money has come, if won, or its credit has gone."""
    reference = f"dispute:{dispute.pk}"
    if is_worked(dispute):
        about = dispute.transaction or dispute.issuer_transaction_id or "an unknown transaction"
        cases.open_case(
            kind=Case.Kind.DISPUTE,
            reference=reference,
            money=dispute.money,
            summary=f"{dispute.issuer_dispute_id} is {dispute.get_status_display().lower()}; it is about {about}.",
        )
    else:
        cases.resolve_cases(reference=reference, kinds=(Case.Kind.DISPUTE,))


def is_worked(dispute: Dispute) -> bool:
    """Returns whether it may still move money: it is open, has a provisional credit, or is won and not paid."""
    is_unpaid = dispute.status == states.Dispute.WON and not came_back_minor(dispute)
    return dispute.status in states.OPEN_DISPUTE or bool(provisional_minor(dispute)) or is_unpaid


def provisional_minor(dispute: Dispute) -> int:
    """Returns the issuer's provisional credit that was not reversed, in minor units."""
    given, gone = _total_minor(dispute, Type.PROVISIONAL_CREDIT), _total_minor(dispute, Type.PROVISIONAL_DEBIT)
    return max(0, given - gone)


def came_back_minor(dispute: Dispute) -> int:
    """Returns what the dispute returned for good, less what was reversed, in minor units."""
    return max(0, _total_minor(dispute, Type.CHARGEBACK) - _total_minor(dispute, Type.CHARGEBACK_REVERSAL))


def _total_minor(dispute: Dispute, transaction_type: str) -> int:
    total: int = moved_by(dispute, transaction_type).aggregate(total=Sum("amount_minor", default=0))["total"]
    return total


def moved_by(dispute: Dispute, transaction_type: str) -> QuerySet[CardTransaction]:
    """Returns the dispute's movements, by its purchase or among those without one: names have no index."""
    near = Q(authorization=None)
    if dispute.authorization_id is not None:
        near |= Q(authorization=dispute.authorization_id)
    rows = CardTransaction.objects.filter(near, provider=dispute.provider, transaction_type=transaction_type)
    return rows.filter(issuer_transaction_id__startswith=f"{dispute.issuer_dispute_id}:")
