"""Declines an authorization request of Stripe that is not ours, and keeps it with a case."""

import logging

from django.conf import settings
from django.db import DatabaseError

from issuing.authorizations import decision_store
from issuing.issuers.messages import AuthorizationRequest, Envelope
from issuing.issuers.stripe import foreign_events
from onecard.kit import clock
from onecard.kit.clock import Stopwatch

log = logging.getLogger(__name__)


def refuse(asked: AuthorizationRequest, why: str, envelope: Envelope, body: bytes, watch: Stopwatch) -> bytes:
    """Declines a request that is not ours and keeps it with a case, in one round trip within the deadline."""
    reason = foreign_events.sentence(why, envelope)
    refusal = {
        "provider": asked.provider,
        "event_id": asked.event_id,
        "event_type": asked.event_type,
        "authorization_id": asked.authorization_id,
        "fingerprint": asked.fingerprint,
        "now": clock.now().isoformat(),
        "amount_minor": asked.amount_minor,
        "currency": asked.currency,
        "refused_because": reason,
        "reference": foreign_events.reference_of(why),
        "alarm": True,
    }
    log.error("event %s: %s", asked.event_id, reason)
    try:
        decision_store.refuse(refusal, body, remaining_ms=settings.DECISION_DEADLINE_MS - watch.elapsed_ms)
    except DatabaseError as error:
        log.warning("event %s: the refused question could not be kept: %s", asked.event_id, error)
    return asked.answers.bare_decline(why)
