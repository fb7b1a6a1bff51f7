"""The raw bodies of events. Whoever needs one asks here; old ones are archived (docs/decisions/0051)."""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy

from issuing.models import EventBody, IssuerEvent
from onecard.kit import display
from onecard.kit.errors import OneCardError

ARCHIVED = gettext_lazy(
    "The body of this event is not in the database any more: it was archived. It is in the archive's file of the month "
    "in which the event came (docs/runbook.md, The archive)."
)


class BodyArchivedError(OneCardError):
    """The event's body was archived, so the event cannot be read again."""

    code = "body_archived"


def keep(event: IssuerEvent, body: bytes) -> None:
    """Stores the body of a new event, in the caller's transaction."""
    EventBody.objects.create(event_id=event.pk, received_at=event.received_at, body=body)


def body_of(event: IssuerEvent) -> bytes:
    """Returns what the event said; raises BodyArchivedError."""
    found = bodies_of([event]).get(event.pk)
    if found is None:
        raise BodyArchivedError(ARCHIVED)
    return found


def bodies_of(events: Iterable[IssuerEvent]) -> dict[int, bytes]:
    """Returns the bodies that are not archived, by the events' keys; one query."""
    # The time says in which months to look.
    came = {event.pk: event.received_at for event in events}
    rows = EventBody.objects.filter(event_id__in=list(came), received_at__in=set(came.values()))
    return {key: bytes(body) for key, body in rows.values_list("event_id", "body")}


def in_words(body: bytes | None) -> str:
    """Returns a body as staff read it, or that it is archived."""
    return str(ARCHIVED) if body is None else display.pretty_body(body)
