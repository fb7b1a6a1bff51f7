"""What staff do about a dispute on behalf of the cardholder who asked them: open it, with evidence.

It is the cardholder's dispute all the same: the same checks, the same queue, and they read of it in their app.
"""

from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from issuing.disputes import dispute_notices, evidence, requests
from issuing.disputes.request_errors import DisputeRefusedError
from issuing.models import Authorization, DisputeEvidence, DisputeRequest
from onecard.kit.money import Money
from onecard.kit.reasons import checked_reason
from onecard.kit.text import normalized_lines
from onecard.kit.transactions import transaction

SHORTEST_TEXT: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is disputed, as the issuer gets it: the reason of the network and the cardholder's words."""

    reason: str
    text: str
    # Without an amount, all that is left of the capture.
    amount: Money | None = None
    # The issuer's id of the capture, needed where there are several.
    capture_id: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was uploaded; its content may be cut off where it is longer than any that is taken."""

    name: str
    content: bytes


@sensitive_variables("file")
def open_request(
    *, purchase: Authorization, asked: Asked, why: str, actor: str, file: File | None = None
) -> DisputeRequest:
    """Opens a dispute for the purchase's cardholder, who is told; `why` says how they asked for it.

    A file that is not taken opens nothing. Raises DisputeRefusedError, and what `evidence.add` raises.
    """
    words = checked_reason(why, error=_NoReasonError)
    if purchase.card is None:
        raise DisputeRefusedError(
            _("It is not known whose purchase this is: sync the issuer's cards first."), code="nobodys_purchase"
        )
    if len(normalized_lines(asked.text)) < SHORTEST_TEXT:
        least = {"count": SHORTEST_TEXT}
        raise DisputeRefusedError(_("Write at least %(count)s characters.") % least, code="text_too_short")
    with transaction():
        request = requests.open_request(
            holder=purchase.card.cardholder,
            purchase=purchase,
            reason=asked.reason,
            text=asked.text,
            amount=asked.amount,
            capture_id=asked.capture_id,
            by_staff=requests.ByStaff(actor, words),
        )
        dispute_notices.opened_by_staff(request)
        if file is not None:
            evidence.add(request=request, name=file.name, content=file.content, actor=actor)
    return request


@sensitive_variables("file")
def add_evidence(*, request: DisputeRequest, file: File, why: str, actor: str) -> DisputeEvidence:
    """Adds a file that the cardholder gave to staff; `why` says how it came. Raises what `evidence.add` raises."""
    words = checked_reason(why, error=_NoReasonError)
    return evidence.add(request=request, name=file.name, content=file.content, actor=actor, why=words)


class _NoReasonError(DisputeRefusedError):
    def __init__(self, message: str) -> None:
        super().__init__(message, code="dispute_no_reason")
