"""The bytes that an issuer gets: each issuer's request carries the format of its own answer.

The committing statement stores the bytes of each outcome, so a repeat is answered by the very same ones, and
whatever else belongs to an answer (Marqeta's HTTP status) is read back from the bytes.
"""

import uuid

from issuing.issuers.messages import AnswerFormat

# What the committing statement may still turn an approval into.
UNDER_THE_LOCK = ("daily_limit_exceeded", "monthly_limit_exceeded", "deadline_exceeded")


# A question that contradicts what we know is not decided, and no decision's bytes are its answer.
UNDECIDED = {
    "reused": "event_id_reused",
    "contradiction": "round_contradicts",
    "ended": "authorization_not_open",
    "stale": "unavailable",
}


def for_each_outcome(answers: AnswerFormat, decision_id: uuid.UUID, reason: str) -> dict[str, str]:
    """The answer for each way that a proposal may end; the empty reason is the approval."""
    reasons = (reason,) if reason else ("", *UNDER_THE_LOCK)
    return {each: answers.answer(decision_id, each) for each in reasons}


def answer_of(answers: AnswerFormat, kind: str, response: bytes) -> bytes:
    """The bytes for what the committing statement did (issuing/sql/record_decision.sql has the kinds)."""
    if kind in UNDECIDED:
        return answers.bare_decline(UNDECIDED[kind])
    return answers.repeat(response) if kind == "twin" else response
