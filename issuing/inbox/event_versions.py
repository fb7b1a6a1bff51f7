"""One Stripe event that arrives in two API versions, from two endpoints while an account is upgraded.

Both copies have one id and two shapes. The fields that all versions write alike must agree; otherwise the second is
another event under a used id.
"""

from typing import Any

from issuing.inbox.bodies import BodyArchivedError, body_of
from issuing.issuers.messages import Envelope, MalformedEventError
from issuing.issuers.stripe import origin
from issuing.issuers.stripe.events import parse_envelope
from issuing.models import IssuerEvent, Provider
from onecard.kit.text import clean_text

# The fields that all versions write alike, and the objects whose ids must agree: given as text or as an object.
FACTS = ("type", "amount", "currency", "approved")
NAMED = ("authorization", "card", "cardholder", "charge", "payment_intent", "transaction")
# Older versions call an expired purchase reversed.
STATUS = {"expired": "reversed"}


def is_same_event(first: IssuerEvent, second: IssuerEvent, body: bytes) -> bool:
    """Returns whether two events under one id are one event in two API versions. The second, with its body, is new."""
    both = _envelopes(first, second, body)
    if both is None:
        return False
    one, other = both
    is_said_alike = all(one.content.get(name) == other.content.get(name) for name in FACTS)
    return is_said_alike and _status(one) == _status(other) and not any(_differs(one, other, name) for name in NAMED)


def is_first_readable(first: IssuerEvent, second: IssuerEvent, body: bytes) -> bool:
    """Returns whether the second copy is in a version that we read and the first is not: then the second counts."""
    both = _envelopes(first, second, body)
    if both is None or not is_same_event(first, second, body):
        return False
    one, other = both
    return origin.is_read(other.origin.api_version) and not origin.is_read(one.origin.api_version)


def _envelopes(first: IssuerEvent, second: IssuerEvent, body: bytes) -> tuple[Envelope, Envelope] | None:
    """Returns both envelopes if they have one type, object, mode and account, and different versions.

    Otherwise None.
    """
    if second.provider != Provider.STRIPE or first.event_type != second.event_type:
        return None
    try:
        one, other = parse_envelope(body_of(first)), parse_envelope(body)
    except (MalformedEventError, BodyArchivedError):
        return None
    whose = [(each.object_id, each.origin.livemode, each.origin.account) for each in (one, other)]
    return (one, other) if whose[0] == whose[1] and one.origin.api_version != other.origin.api_version else None


def _status(envelope: Envelope) -> Any:
    status = envelope.content.get("status")
    return STATUS.get(status, status) if isinstance(status, str) else status


def _differs(one: Envelope, other: Envelope, name: str) -> bool:
    """Returns whether both copies name such an object and the ids differ; a version may leave one out."""
    ids = {_id(one.content.get(name)), _id(other.content.get(name))} - {""}
    return len(ids) > 1


def _id(reference: object) -> str:
    return clean_text(reference.get("id") if isinstance(reference, dict) else reference, limit=120)
