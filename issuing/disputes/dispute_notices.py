"""Tells a person where a dispute about their purchase stands, in the transaction that moved it."""

from typing import Final

from issuing import states
from issuing.models import Dispute, DisputeRequest
from onecard.notices import services as notices
from onecard.notices.kinds import Kind

WORDS: Final = {
    states.Dispute.UNSUBMITTED: "was begun. Its evidence is not complete yet.",
    states.Dispute.SUBMITTED: "was submitted. The merchant's side may answer now.",
    states.Dispute.WON: "was won: the money is yours.",
    states.Dispute.LOST: "was lost: the purchase stands.",
    states.Dispute.EXPIRED: "ended: it was not submitted in time, so the purchase stands.",
}
REQUEST_WORDS: Final = {
    states.DisputeRequest.ACCEPTED: "was accepted; we submit it.",
    states.DisputeRequest.REFUSED: "was not submitted.",
    states.DisputeRequest.REJECTED: "was refused by the card's issuer.",
}


def moved(dispute: Dispute) -> None:
    """Writes the notice of where the dispute stands now, once; none for a dispute of no known card."""
    row = dispute.authorization or dispute.transaction
    if row is None or row.card is None:
        return
    where = f" at {row.merchant_name}" if row.merchant_name else ""
    purchase = dispute.authorization
    notices.write(
        user_id=row.card.cardholder.user_id,
        kind=Kind.DISPUTE_MOVED,
        cause=f"dispute:{dispute.pk}:{dispute.status}:{dispute.closed_at or ''}",
        text=f"Your dispute about {dispute.money}{where} {WORDS[states.Dispute(dispute.status)]}",
        reference=f"purchase:{purchase.issuer_authorization_id}" if purchase else "",
    )


def opened_by_staff(request: DisputeRequest) -> None:
    """Writes the notice of a dispute that staff opened, since the cardholder asked them to."""
    merchant = request.transaction.merchant_name
    where = f" at {merchant}" if merchant else ""
    notices.write(
        user_id=request.cardholder.user_id,
        kind=Kind.DISPUTE_MOVED,
        cause=f"dispute_request:{request.public_id}:opened",
        text=f"Our staff opened your dispute about {request.money}{where}, as you asked them.",
        reference=f"dispute:{request.public_id}",
    )


def request_moved(request: DisputeRequest) -> None:
    """Writes the notice of what became of a dispute request; none of what the person did themselves."""
    if request.status not in REQUEST_WORDS:
        return
    notices.write(
        user_id=request.cardholder.user_id,
        kind=Kind.DISPUTE_MOVED,
        cause=f"dispute_request:{request.public_id}:{request.status}",
        text=f"Your dispute about {request.money} {REQUEST_WORDS[states.DisputeRequest(request.status)]} "
        f"{request.refusal}",
        reference=f"dispute:{request.public_id}",
    )
