"""Applies a stored event, once, in a worker. A failed event is tried again until it succeeds.

After some failures, or when an event with money cannot be read at all, a case asks staff. An attempt is counted when it
begins, so an event that ends its worker's process counts as failed.
"""

import datetime as dt

from django.db.models import Q

from issuing import states
from issuing.handlers import cards as card_updates
from issuing.handlers import marqeta as marqeta_updates
from issuing.handlers import stripe as stripe_updates
from issuing.inbox import bodies, log_ids, unapplied, unhandled_money
from issuing.inbox import deliveries as inbox
from issuing.inbox import foreign_events as foreign_updates
from issuing.inbox.references import ContradictionError
from issuing.inbox.unhandled_money import UnhandledMoneyError
from issuing.inbox.waiting import WAIT_FOR_DECISION
from issuing.issuers.messages import MalformedEventError
from issuing.issuers.stripe.events import parse_envelope
from issuing.issuers.stripe.foreign_events import why_not_ours
from issuing.models import IssuerEvent, Provider
from onecard.kit import clock
from onecard.kit.sweeper import each_in_turn
from onecard.kit.transactions import transaction

# Card and cardholder updates: by event type at Stripe, by prefix at Marqeta.
CARD_EVENTS = ("issuing_card.updated", "issuing_cardholder.updated")
CARD_MOVES = ("cardtransition.", "usertransition.")
SWEEP_AFTER = dt.timedelta(seconds=15)
# More than a sweep has time for.
SWEEP_BATCH = 1_000


def handle(*, event_pk: int, now: dt.datetime | None = None) -> str:
    """Applies one event and moves it out of `received`; returns its status. Safe repeated and concurrently.

    Raises the error that applying it raised, after recording the failure and the time of the next attempt.
    """
    return _try(event_pk, now or clock.now())


def handle_if_due(*, event_pk: int, now: dt.datetime | None = None) -> str:
    """As `handle`, but does nothing before the time of the event's next attempt.

    For the queue, which repeats a task at once when its worker died.
    """
    return _try(event_pk, now or clock.now(), only_if_due=True)


def _try(event_pk: int, now: dt.datetime, *, only_if_due: bool = False) -> str:
    if not unapplied.begin_attempt(event_pk, now=now, only_if_due=only_if_due):
        return IssuerEvent.objects.values_list("status", flat=True).get(pk=event_pk)
    try:
        return _apply(event_pk, now)
    except Exception as error:
        # Also after a task's time limit: a slow event must not hold up the others for ever.
        unapplied.record_failure(event_pk, error, now=now)
        raise


def _apply(event_pk: int, now: dt.datetime) -> str:
    with transaction():
        event = IssuerEvent.objects.select_for_update(no_key=True).get(pk=event_pk)
        if event.status != states.Event.RECEIVED:
            return event.status
        try:
            status, reason = _dispatch(event, now)
        except MalformedEventError as error:
            status, reason = states.Event.REJECTED, error.message
            unapplied.open_case_if_money(event, reason)
        except bodies.BodyArchivedError as error:
            status, reason = states.Event.KEPT, error.message
            unapplied.open_case_if_money(event, reason)
        except UnhandledMoneyError as error:
            status, reason = states.Event.KEPT, error.message
            unhandled_money.open_case(event, reason)
        except ContradictionError as error:
            status, reason = states.Event.KEPT, error.message
            unapplied.open_contradiction(event, error)
        if status == states.Event.RECEIVED:
            unapplied.end_attempt(event)
        else:
            inbox.finish(event, status, reason)
        if status in (states.Event.HANDLED, states.Event.KEPT):
            unapplied.end(event)
        return status


def sweep(*, now: dt.datetime | None = None) -> int:
    """Handles for a while events that the queue lost, the oldest first; returns how many it looked at."""
    limit = (now or clock.now()) - SWEEP_AFTER
    is_due = Q(next_attempt_at=None) | Q(next_attempt_at__lte=now or clock.now())
    waiting = IssuerEvent.objects.filter(is_due, status=states.Event.RECEIVED, received_at__lt=limit)
    pks = list(waiting.order_by("received_at").values_list("pk", flat=True)[:SWEEP_BATCH])
    return each_in_turn(pks, lambda event_pk: handle_if_due(event_pk=event_pk, now=now), what="event")


def _dispatch(event: IssuerEvent, now: dt.datetime) -> tuple[str, str]:
    body = bodies.body_of(event)
    envelope = None if event.provider == Provider.MARQETA else parse_envelope(body)
    log_ids.bind_stored(event, envelope)
    why_not = why_not_ours(envelope) if envelope and event.provider == Provider.STRIPE else ""
    if envelope and why_not:
        return states.Event.KEPT, foreign_updates.refuse(why_not, envelope)
    if event.event_type in CARD_EVENTS or event.event_type.startswith(CARD_MOVES):
        return card_updates.apply(event)
    patient = now - event.received_at < WAIT_FOR_DECISION
    if envelope is None:
        return marqeta_updates.apply(body, patient=patient)
    return stripe_updates.apply(event.provider, envelope, patient=patient)
