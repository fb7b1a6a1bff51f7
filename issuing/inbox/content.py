"""The object that a stored event is about, for any issuer."""

from typing import Any

from issuing.inbox.bodies import body_of
from issuing.issuers.marqeta.events import read_object
from issuing.issuers.stripe.events import parse_envelope
from issuing.models import IssuerEvent, Provider


def content_of(event: IssuerEvent) -> dict[str, Any]:
    """Returns the object of a stored event, or at Marqeta the row of its batch; {} without one.

    Raises MalformedEventError for a body that is no event, and BodyArchivedError.
    """
    body = body_of(event)
    if event.provider != Provider.MARQETA:
        return parse_envelope(body).content
    rows: object = next(iter(read_object(body).values()), None)
    row: object = rows[0] if isinstance(rows, list) and rows else None
    return row if isinstance(row, dict) else {}
