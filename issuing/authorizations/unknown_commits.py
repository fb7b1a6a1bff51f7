"""Approvals that may have been committed after the issuer got a decline: each is looked up and taken back.

A decision gives up on a silent database, but its commit may still have happened. A thread of this process asks again
until the database answers. If the process dies, the issuer's own update about the decline releases the hold
(lifecycle.apply_update), as for every decline.
"""

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from django.db import DatabaseError, connections

from issuing import journal
from issuing.authorizations import decision_store, late_approvals, turned_away
from issuing.authorizations.proposal import propose_late_decline
from issuing.issuers.messages import AuthorizationRequest
from issuing.models import Decision
from onecard.kit.clock import Stopwatch
from onecard.kit.postgresql.time_limits import give_up_after

log = logging.getLogger(__name__)

ATTEMPT_S = 5.0
PAUSES_S = (0.2, 0.5, 1.0, 2.0, 5.0)
# Beyond this number the issuer's updates release the holds: a process must not fill its memory during an outage.
MOST_WAITING = 10_000


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A request that was declined, and the decisions that may still have been committed for it."""

    asked: AuthorizationRequest
    body: bytes
    decisions: tuple[uuid.UUID, ...]


def follow_up(asked: AuthorizationRequest, body: bytes, decisions: Collection[uuid.UUID]) -> None:
    """Takes back, in the background, each of these decisions that was committed as an approval.

    Until then a repeat of the question gets the decline from memory, and not the approval that is taken back.
    """
    turned_away.note_in_doubt(asked)
    with _lock:
        if len(_waiting) >= MOST_WAITING:
            log.error("authorization %s: left to the issuer's updates, too many wait already", asked.authorization_id)
            return
        _waiting.append(_Doubt(asked, body, tuple(decisions)))
        _start_thread()


def wait_until_resolved(timeout_s: float) -> bool:
    """Waits until no commit is in doubt, for tests and for an orderly shutdown; True when that is reached."""
    thread = _thread
    if thread is not None:
        thread.join(timeout_s)
    return not _waiting


def take_back(asked: AuthorizationRequest, body: bytes, decisions: Collection[uuid.UUID]) -> None:
    """Records the decline that was sent, and takes back an approval that was committed instead; may be repeated.

    The decline comes first: once it is stored, a commit that is still running finds it and approves nothing. A decision
    that answered a copy of the event in time is another decision, and stays. Raises django.db.DatabaseError.
    """
    proposal = propose_late_decline(asked, decision_id=uuid.uuid4(), watch=Stopwatch())
    decision_store.record(proposal, body, remaining_ms=ATTEMPT_S * 1000)
    take_back_decisions(asked, decisions)


def take_back_decisions(asked: AuthorizationRequest, decisions: Collection[uuid.UUID]) -> None:
    """Takes back each of these that was committed as an approval; may be repeated. Raises django.db.DatabaseError."""
    if not decisions:
        return
    journal.write_of(provider=asked.provider, names=[asked.authorization_id])
    approved = Decision.objects.filter(public_id__in=list(decisions), approved=True, corrected_by=None)
    for decision in approved.select_related("event"):
        late_approvals.withdraw_approval(
            provider=asked.provider, event_id=decision.event.event_id, answers=asked.answers
        )
        log.warning("authorization %s: an approval that came too late was taken back", asked.authorization_id)


def _start_thread() -> None:
    global _thread  # noqa: PLW0603  (the process's one thread for this; it ends when nothing waits)
    if _thread is None:
        _thread = threading.Thread(target=_work, name="unknown-commits", daemon=True)
        _thread.start()


def _work() -> None:
    global _thread  # noqa: PLW0603
    failures = 0
    while True:
        with _lock:
            if not _waiting:
                connections.close_all()
                _thread = None
                return
            doubt = _waiting[0]
        if _resolve(doubt):
            failures = 0
            _waiting.popleft()
        else:
            connections.close_all()
            time.sleep(PAUSES_S[min(failures, len(PAUSES_S) - 1)])
            failures += 1


def _resolve(doubt: _Doubt) -> bool:
    """Makes one attempt; False when another is needed."""
    try:
        with give_up_after(ATTEMPT_S):
            take_back(doubt.asked, doubt.body, doubt.decisions)
    except DatabaseError as error:
        log.warning("authorization %s: not settled yet: %s", doubt.asked.authorization_id, error)
        return False
    except Exception:
        log.exception("authorization %s: left to the issuer's updates", doubt.asked.authorization_id)
    else:
        turned_away.forget_answered(doubt.asked)
    return True


_lock = threading.Lock()
_waiting: deque[_Doubt] = deque()
_thread: threading.Thread | None = None
