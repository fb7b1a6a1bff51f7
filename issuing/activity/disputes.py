"""A cardholder's disputes as they see them: where each stands, in a word and in a sentence, and what it moved."""

from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet

from issuing import states
from issuing.clearing import dispute_money
from issuing.models import DisputeRequest
from onecard.kit.money import Money
from wallet.models import Cardholder

Request, Issuer = states.DisputeRequest, states.Dispute

# What a person calls the state of a dispute.
REQUESTED, SUBMITTING, SUBMITTED, WON, LOST, EXPIRED, REFUSED, WITHDRAWN = (
    "requested", "submitting", "submitted", "won", "lost", "expired", "refused", "withdrawn",
)  # fmt: skip
STATUSES = (REQUESTED, SUBMITTING, SUBMITTED, WON, LOST, EXPIRED, REFUSED, WITHDRAWN)
OURS: Final[dict[str, str]] = {
    Request.REQUESTED: REQUESTED,
    Request.ACCEPTED: SUBMITTING,
    Request.SENDING: SUBMITTING,
    Request.SUBMITTED: SUBMITTED,
    Request.REFUSED: REFUSED,
    Request.REJECTED: REFUSED,
    Request.WITHDRAWN: WITHDRAWN,
}
# What the issuer says of it counts for more.
THEIRS: Final[dict[str, str]] = {
    Issuer.SUBMITTED: SUBMITTED,
    Issuer.WON: WON,
    Issuer.LOST: LOST,
    Issuer.EXPIRED: EXPIRED,
}
SENTENCES: Final[dict[str, str]] = {
    REQUESTED: "We are reviewing it. Until then you can add evidence or withdraw it.",
    SUBMITTING: "We are submitting it to the card network.",
    SUBMITTED: "It is with the card network, and the merchant may answer. That takes weeks, at times months.",
    WON: "You won: the merchant gives the money back.",
    LOST: "The merchant won: the charge stands.",
    EXPIRED: "It was not submitted in time, so the charge stands.",
    WITHDRAWN: "You withdrew it.",
}


@dataclass(frozen=True, slots=True)
class Moved:
    """What the dispute brought: for good, and as long as it lasts."""

    came_back: Money
    provisional: Money


def of_cardholder(holder: Cardholder) -> QuerySet[DisputeRequest]:
    """Returns the disputes that a person asked for, without an order."""
    rows = DisputeRequest.objects.filter(cardholder=holder)
    return rows.select_related("authorization", "transaction", "dispute").prefetch_related("evidence")


def status(request: DisputeRequest) -> str:
    """Returns where it stands, one of STATUSES."""
    at_issuer = THEIRS.get(request.dispute.status) if request.dispute else None
    return at_issuer or OURS[request.status]


def sentence(request: DisputeRequest) -> str:
    """Returns where it stands in words for the person."""
    return SENTENCES.get(status(request)) or request.refusal


def moved(request: DisputeRequest) -> Moved:
    """Returns what it has brought so far."""
    found = request.dispute
    if found is None:
        return Moved(Money(0, request.currency), Money(0, request.currency))
    came_back, provisional = dispute_money.came_back_minor(found), dispute_money.provisional_minor(found)
    return Moved(Money(came_back, found.currency), Money(provisional, found.currency))
