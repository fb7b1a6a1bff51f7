"""What is done about a stored event, by a worker, once."""

import datetime as dt
import logging

from celery.exceptions import SoftTimeLimitExceeded

from issuing import inbox, lifecycle, marqeta_news, states
from issuing.events import Envelope, MalformedEventError, parse_authorization_news, parse_envelope
from issuing.models import IssuerEvent, Provider
from onecard.kit import clock
from onecard.kit.transactions import transaction
from wallet import outcomes
from wallet.processors import stripe as processor

log = logging.getLogger(__name__)

AUTHORIZATION_NEWS = ("issuing_authorization.created", "issuing_authorization.updated")
# The issuer's news can overtake our own commit of the decision it speaks of; after this long there was none.
WAIT_FOR_DECISION = dt.timedelta(minutes=10)
SWEEP_AFTER = dt.timedelta(seconds=15)


def handle(*, event_pk: int, now: dt.datetime | None = None) -> str:
    """Acts on one event and moves it out of `received`; gives its status. Safe to run twice and side by side."""
    with transaction():
        event = IssuerEvent.objects.select_for_update(no_key=True).get(pk=event_pk)
        if event.status != states.Event.RECEIVED:
            return event.status
        try:
            status, reason = _dispatch(event, now or clock.now())
        except MalformedEventError as error:
            status, reason = states.Event.REJECTED, error.message
        if status != states.Event.RECEIVED:
            inbox.finish(event, status, reason)
        return status


def sweep(*, now: dt.datetime | None = None) -> int:
    """Handles what the queue forgot: events that still wait; says how many it looked at."""
    limit = (now or clock.now()) - SWEEP_AFTER
    waiting = IssuerEvent.objects.filter(status=states.Event.RECEIVED, received_at__lt=limit).order_by("received_at")
    pks = list(waiting.values_list("pk", flat=True))
    for event_pk in pks:
        try:
            handle(event_pk=event_pk, now=now)
        except SoftTimeLimitExceeded:
            raise  # The task's time is over; what is left is the next sweep's.
        except Exception:
            # It waits for a repair of ours and must not hold up the others.
            log.exception("event %s could not be handled", event_pk)
    return len(pks)


def _dispatch(event: IssuerEvent, now: dt.datetime) -> tuple[str, str]:
    patient = now - event.received_at < WAIT_FOR_DECISION
    if event.provider == Provider.MARQETA:
        return marqeta_news.act(bytes(event.body), patient=patient)
    return _act_on_stripe(event.provider, parse_envelope(bytes(event.body)), patient=patient)


def _act_on_stripe(provider: str, envelope: Envelope, *, patient: bool) -> tuple[str, str]:
    if envelope.type in AUTHORIZATION_NEWS:
        news = parse_authorization_news(provider, envelope)
        if not lifecycle.apply_news(news, wait_for_decision=patient):
            return states.Event.RECEIVED, ""
        return states.Event.HANDLED, ""
    if envelope.type.startswith("payment_intent."):
        found = processor.read_payment_intent(envelope.content)
        if found is None and not envelope.object_id:
            raise MalformedEventError("The payment intent has no id.")
        if found is None:
            return states.Event.KEPT, "Nothing has come of the payment intent yet, or its status is new to us."
        known = outcomes.apply_news(found)
        return (states.Event.HANDLED, "") if known else (states.Event.KEPT, "The payment intent is not one of ours.")
    return states.Event.KEPT, "Nothing is done about events of this kind yet."
