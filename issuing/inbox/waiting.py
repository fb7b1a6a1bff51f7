"""Deliveries that wait in the inbox: by design, or because nobody handles them."""

import datetime as dt
from functools import reduce
from operator import or_
from typing import Final

from django.db.models import Q, QuerySet

from issuing import states
from issuing.models import IssuerEvent

# The issuer's update can arrive before our own decision is committed; after this long there was none.
WAIT_FOR_DECISION: Final = dt.timedelta(minutes=10)
WAITS: Final = ("issuing_authorization.", "payment_intent.", "charge.", "transaction.")
# Older than this, something that should take seconds is stuck.
STUCK_AFTER: Final = dt.timedelta(minutes=2)


def waiting() -> QuerySet[IssuerEvent]:
    """Selects what was not handled yet; the overview counts it and the list shows it by this state."""
    return IssuerEvent.objects.filter(status=states.Event.RECEIVED)


def stuck(now: dt.datetime) -> QuerySet[IssuerEvent]:
    """Selects what should be handled by now: not what waits for our decision, or for its next try after a failure."""
    may_wait: Q = reduce(or_, (Q(event_type__startswith=each) for each in WAITS))
    is_due = Q(next_attempt_at=None) | Q(next_attempt_at__lte=now)
    old = now - STUCK_AFTER
    is_late = Q(received_at__lt=old) & ~may_wait | Q(received_at__lt=old - WAIT_FOR_DECISION)
    return waiting().filter(is_due & is_late)
