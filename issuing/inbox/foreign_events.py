"""Stores updates of Stripe that are not ours, with a case.

Once the settings say that they are ours, they are applied.
"""

import logging

from issuing.inbox import deliveries
from issuing.inbox.bodies import BodyArchivedError, body_of
from issuing.issuers.messages import Envelope
from issuing.issuers.stripe import foreign_events
from issuing.issuers.stripe.events import REQUEST, parse_envelope
from issuing.models import IssuerEvent, Provider
from onecard.kit.money import Money
from onecard.kit.transactions import transaction
from onecard.outbox import services as outbox
from wallet import cases
from wallet.models import Case

log = logging.getLogger(__name__)


def refuse(why: str, envelope: Envelope) -> str:
    """Opens the case about an update that is not ours, in the caller's transaction.

    Returns the reason that the event is kept with.
    """
    kind, reference = Case.Kind.EVENT_CONTRADICTION, foreign_events.reference_of(why)
    reason = foreign_events.sentence(why, envelope)
    is_new = not Case.objects.filter(kind=kind, reference=reference, status=Case.Status.OPEN).exists()
    case = cases.open_case(kind=kind, reference=reference, money=Money(0, "USD"), summary=reason)
    if is_new:
        outbox.put(topic="events.refused", case_id=case.pk)
    return reason


def take_again() -> int:
    """Hands the stored updates that are ours by today's settings to the workers; returns how many."""
    kept = IssuerEvent.objects.filter(
        provider=Provider.STRIPE, status="kept", reason__startswith=foreign_events.REFUSED
    )
    taken = 0
    for event in kept.exclude(event_type=REQUEST).order_by("pk").iterator():
        try:
            envelope = parse_envelope(body_of(event))
        except BodyArchivedError as error:
            log.warning("event %s stays as it is: %s", event.pk, error.message)
            continue
        if not foreign_events.why_not_ours(envelope):
            with transaction():
                taken += deliveries.take_again(event)
    return taken
