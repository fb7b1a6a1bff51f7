"""The decision: may this purchase happen, and which card pays. Read this file first.

A decision is one read, a pure choice, and one committing statement that checks again under its lock. This path makes no
network call and no broker call. Whatever fails, there is an answer within DECISION_DEADLINE_MS of the request's
arrival: a request that is too old is declined before any work, a silent database is given up on (docs/decisions/0032),
and then stand-in answers by its policy (docs/decisions/0056).
"""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import DatabaseError, IntegrityError, InterfaceError, NotSupportedError, OperationalError

from issuing import journal
from issuing.authorizations import decision_store, fraud, late_approvals, turned_away, unknown_commits
from issuing.authorizations.answers import answer_of
from issuing.authorizations.deadlines import is_too_old, left_ms, recording_ms, remaining_ms
from issuing.authorizations.proposal import draft, propose, propose_late_decline
from issuing.fraud.asking import NOBODY, Answers
from issuing.inbox import deliveries as inbox
from issuing.inbox import log_ids
from issuing.issuers.messages import AuthorizationRequest, Envelope
from issuing.stand_in import answers as stand_in
from issuing.stand_in import policy
from onecard.kit import fresh_ids
from onecard.kit.clock import Stopwatch
from onecard.kit.postgresql.time_limits import give_up_after

log = logging.getLogger(__name__)

# The share of the time for recording a decline that is stand-in's, where a database that is too slow records nothing.
STAND_IN_SHARE = 0.4
# The server cancels a statement at its limit. The connection is given up on only this much later.
SILENCE_MS = 20
# A late approval is taken back before the decline is sent, or in the background if that takes longer than this.
WITHDRAW_S = 0.5
# An attempt fails only when another commit came first. After this many failures the purchase is declined.
MOST_ATTEMPTS = 10


@dataclass(slots=True)
class _Question:
    """The request, the last proposed decision, and the decisions whose commit has an unknown outcome."""

    asked: AuthorizationRequest
    body: bytes
    watch: Stopwatch
    decision_id: uuid.UUID = field(default_factory=fresh_ids.fresh)
    # Asked once, and not about what is declined anyway: a second attempt must not cost their time again.
    hooks: Answers | None = None
    in_doubt: list[uuid.UUID] = field(default_factory=list)

    def bare_decline(self, reason: str) -> bytes:
        """Returns the decline without a stored decision. Approvals that may have been committed are followed up."""
        if self.in_doubt:
            unknown_commits.follow_up(self.asked, self.body, self.in_doubt)
        return self.asked.answers.bare_decline(reason)


def authorize(
    asked: AuthorizationRequest, *, body: bytes, watch: Stopwatch, in_doubt: Sequence[uuid.UUID] = ()
) -> bytes:
    """Decides on a request, commits the decision with its hold, charge and trail, and returns the answer's bytes.

    `body` is kept as evidence; `watch` has run since the request arrived. The same event, or a second event for the
    same round, gets the same bytes. Never raises: past DECISION_DEADLINE_MS, or without a database, the answer is a
    decline with its reason, unless stand-in approves. `in_doubt` are decisions on this request whose commit has an
    unknown end.
    """
    log_ids.bind_question(asked)
    question = _Question(asked, body, watch, in_doubt=list(in_doubt))
    if not in_doubt and (reason := turned_away.reason_of(asked)):
        return asked.answers.bare_decline(reason)
    if is_too_old(watch):
        log.warning("authorization %s: declined unread, it is %d ms old", asked.authorization_id, watch.elapsed_ms)
        return question.bare_decline("deadline_exceeded")
    with give_up_after(left_ms(watch) / 1000):
        result = _result(question)
    # A late copy does not change the answer that the first copy got in time.
    if result.kind == "recorded" and left_ms(watch) < 0 and asked.answers.is_approval(result.response):
        return _withdraw(question)
    if result.kind == "recorded":
        journal.write_soon(asked.provider, asked.event_id)
    return result.response


def _result(question: _Question) -> decision_store.Result:
    """Returns the decision, or a decline for any failure."""
    asked = question.asked
    try:
        return _decide(question)
    except OperationalError as error:
        log.warning("authorization %s: the database did not answer in time: %s", asked.authorization_id, error)
        silent = decision_store.is_silent(error)
        response = _answer_unstored(question, error) if silent else _decline_late(question)
    except Exception:
        log.exception("authorization %s: declined because deciding failed", asked.authorization_id)
        response = _decline_by_fault(question)
    return decision_store.Result("declined", response)


def _decide(question: _Question) -> decision_store.Result:
    """Reads, chooses and commits; starts again when the facts changed in between, until the deadline."""
    with give_up_after((remaining_ms(question.watch) + SILENCE_MS) / 1000):
        for _ in range(MOST_ATTEMPTS):
            if remaining_ms(question.watch) <= 0:
                break
            result = _attempt(question)
            if result is not None:
                return result
    raise OperationalError("no attempt came to an end before the deadline")


def _attempt(question: _Question) -> decision_store.Result | None:
    """Makes one attempt; None when another attempt makes sense."""
    try:
        return _read_choose_commit(question)
    except IntegrityError:
        # A copy of this event was committed first: the next read finds its answer.
        return None
    except NotSupportedError:
        # A migration changed the result of a prepared statement: a new connection prepares it again.
        decision_store.forget_connection()
        return None
    except DatabaseError as error:
        # A broken connection is replaced. A timeout or a database that refuses connections is not retried.
        if not decision_store.can_start_again(error):
            raise
        return None


def _read_choose_commit(question: _Question) -> decision_store.Result | None:
    asked, watch = question.asked, question.watch
    if asked.earlier_events or asked.earlier_rounds:
        # What is read of earlier rounds has to be written out.
        journal.write_of(provider=asked.provider, names=[asked.authorization_id])
    facts = decision_store.read(asked, remaining_ms=remaining_ms(watch))
    watch.lap("read")
    if facts.answered is not None:
        return decision_store.Result("duplicate", facts.answered)
    question.decision_id = fresh_ids.fresh()
    made = draft(asked, facts, watch=watch)
    if question.hooks is None and not made.reason:
        question.hooks = fraud.ask(asked, facts, remaining_ms=remaining_ms(watch))
        watch.lap("hooks")
    proposal = propose(made, decision_id=question.decision_id, watch=watch, hooks=question.hooks or NOBODY)
    try:
        result = decision_store.record(proposal, question.body, remaining_ms=remaining_ms(watch))
    except DatabaseError as error:
        if decision_store.is_unknown(error):
            question.in_doubt.append(question.decision_id)
        raise
    watch.lap("commit")
    if result.kind == "stale":
        return None
    return decision_store.Result(result.kind, answer_of(asked.answers, result.kind, result.response))


def _answer_unstored(question: _Question, error: DatabaseError) -> bytes:
    """Answers without the database: by stand-in where it is set up and in time, else a decline without a record.

    After a silent database, the connection is dropped so that the next use gets a new one.
    """
    if decision_store.is_silent(error):
        decision_store.forget_connection()
    if not (stand_in.is_on() and isinstance(error, OperationalError | InterfaceError)):
        return question.bare_decline("deadline_exceeded")
    watch = question.watch
    answered = stand_in.answer(
        question.asked, question.body, watch, within_s=left_ms(watch) / 1000, in_doubt=question.in_doubt
    )
    return question.bare_decline(policy.NOT_KEPT) if answered is None else answered


def _decline_late(question: _Question) -> bytes:
    """Declines because time is up, and briefly tries to record that without waiting for the card's lock."""
    asked, watch = question.asked, question.watch
    decision_id, within_ms = fresh_ids.fresh(), left_ms(watch) - SILENCE_MS
    if stand_in.is_on():
        within_ms -= recording_ms() * STAND_IN_SHARE
    try:
        proposal = propose_late_decline(asked, decision_id=decision_id, watch=watch)
        with give_up_after((within_ms + SILENCE_MS) / 1000):
            result = decision_store.record(proposal, question.body, remaining_ms=within_ms)
    except DatabaseError as error:
        log.warning("authorization %s: the late decline could not be stored: %s", asked.authorization_id, error)
        if decision_store.is_unknown(error):
            question.in_doubt.append(decision_id)
        return _answer_unstored(question, error)
    return answer_of(asked.answers, result.kind, result.response)


def _decline_by_fault(question: _Question) -> bytes:
    """Declines because of a bug of ours, and keeps the request so that staff can examine it."""
    asked = question.asked
    try:
        envelope = Envelope(asked.event_id, asked.event_type, asked.authorization_id, {})
        inbox.keep_rejected(asked.provider, question.body, "Deciding failed; see the log.", envelope)
    except DatabaseError as error:
        log.warning("authorization %s: the request could not be kept: %s", asked.authorization_id, error)
    return question.bare_decline("unavailable")


def _withdraw(question: _Question) -> bytes:
    """Takes back an approval that was committed after the deadline (money-safety I18), or schedules that."""
    asked = question.asked
    try:
        with give_up_after(WITHDRAW_S):
            return late_approvals.withdraw_approval(
                provider=asked.provider, event_id=asked.event_id, answers=asked.answers
            )
    except DatabaseError as error:
        log.warning("authorization %s: a late approval could not be withdrawn: %s", asked.authorization_id, error)
        question.in_doubt.append(question.decision_id)
        return question.bare_decline("deadline_exceeded")
