"""The decision: may this purchase happen, and which card pays. Read this file first.

One read, a pure choice, one committing statement that looks again under its lock. No network call and no broker call
stands on this path. Whatever goes wrong, the answer is a decline, and inside the deadline as long as the database
answers at all: one that is silent is only given up by the driver (README, honest limits).
"""

import logging
import uuid

from django.conf import settings
from django.db import DatabaseError, IntegrityError, NotSupportedError, OperationalError

from issuing import corrections, inbox, store
from issuing.answers import answer_of
from issuing.events import AuthorizationRequest, Envelope
from issuing.proposal import propose, propose_late_decline
from onecard.kit.clock import Stopwatch

log = logging.getLogger(__name__)

# What is left between our own deadline and the issuer's, used to write down that we declined.
LATE_RECORD_MS = 250
# Each round is lost only to somebody else's commit, so a purchase that loses this many is better declined.
MOST_ROUNDS = 10


def authorize(asked: AuthorizationRequest, *, body: bytes, watch: Stopwatch) -> bytes:
    """Decides on a request and commits the decision with its hold, its charge and its trail; gives the answer's bytes.

    `body` is kept as evidence. The same event, or a second event for the same round, gets the same bytes. Never
    raises: past DECISION_DEADLINE_MS, or without a database, the answer is a decline with its reason.
    """
    try:
        outcome = _decide(asked, body, watch)
    except OperationalError as error:
        log.warning("authorization %s: the database did not answer in time: %s", asked.authorization_id, error)
        return _decline_late(asked, body, watch)
    except Exception:
        log.exception("authorization %s: declined because deciding failed", asked.authorization_id)
        return _decline_by_fault(asked, body)
    # A copy that comes late leaves alone what the first one answered in time.
    if outcome.kind == "recorded" and _remaining_ms(watch) < 0 and asked.answers.is_approval(outcome.response):
        return _withdraw(asked)
    return outcome.response


def _decide(asked: AuthorizationRequest, body: bytes, watch: Stopwatch) -> store.Outcome:
    """Reads, chooses and commits; starts again whenever the ground moved in between, until the deadline."""
    for _ in range(MOST_ROUNDS):
        if _remaining_ms(watch) <= 0:
            break
        outcome = _try_round(asked, body, watch)
        if outcome is not None:
            return outcome
    raise OperationalError("no round came to an end before the deadline")


def _try_round(asked: AuthorizationRequest, body: bytes, watch: Stopwatch) -> store.Outcome | None:
    """One round; None when it is worth starting again."""
    try:
        return _round(asked, body, watch)
    except IntegrityError:
        # A copy of this event won the race to a unique constraint: the next read finds its answer.
        return None
    except NotSupportedError:
        # A migration changed what a prepared statement answers: a new connection prepares anew.
        store.forget_connection()
        return None
    except DatabaseError as error:
        # A broken connection is replaced; a timeout or a database that refuses us is not waited for.
        if not store.can_start_again(error):
            raise
        return None


def _round(asked: AuthorizationRequest, body: bytes, watch: Stopwatch) -> store.Outcome | None:
    seen = store.read(asked, remaining_ms=_remaining_ms(watch))
    watch.lap("read")
    if seen.answered is not None:
        return store.Outcome("duplicate", seen.answered)
    proposal = propose(asked, seen, decision_id=uuid.uuid4(), watch=watch)
    outcome = store.record(proposal, body, remaining_ms=_remaining_ms(watch))
    watch.lap("commit")
    if outcome.kind == "stale":
        return None
    return store.Outcome(outcome.kind, answer_of(asked.answers, outcome.kind, outcome.response))


def _decline_late(asked: AuthorizationRequest, body: bytes, watch: Stopwatch) -> bytes:
    """Declines because time is up, and tries briefly to write that down without waiting for the card's lock."""
    try:
        proposal = propose_late_decline(asked, decision_id=uuid.uuid4(), watch=watch)
        outcome = store.record(proposal, body, remaining_ms=LATE_RECORD_MS)
    except DatabaseError as error:
        log.warning("authorization %s: the late decline could not be stored: %s", asked.authorization_id, error)
        return asked.answers.bare_decline("deadline_exceeded")
    return answer_of(asked.answers, outcome.kind, outcome.response)


def _decline_by_fault(asked: AuthorizationRequest, body: bytes) -> bytes:
    """Declines because of a bug of ours, and keeps the request, so that it can be looked at and asked again."""
    try:
        envelope = Envelope(asked.event_id, asked.event_type, asked.authorization_id, {})
        inbox.keep_rejected(asked.provider, body, "Deciding failed; see the log.", envelope)
    except DatabaseError as error:
        log.warning("authorization %s: the request could not be kept: %s", asked.authorization_id, error)
    return asked.answers.bare_decline("unavailable")


def _withdraw(asked: AuthorizationRequest) -> bytes:
    """Takes back an approval whose commit came after the deadline (money-safety I18)."""
    try:
        return corrections.withdraw_approval(provider=asked.provider, event_id=asked.event_id, answers=asked.answers)
    except DatabaseError as error:
        # The issuer hears a decline; its own news of that releases the hold (lifecycle.apply_news).
        log.warning("authorization %s: a late approval could not be withdrawn: %s", asked.authorization_id, error)
        return asked.answers.bare_decline("deadline_exceeded")


def _remaining_ms(watch: Stopwatch) -> float:
    return float(settings.DECISION_DEADLINE_MS) - watch.elapsed_ms
