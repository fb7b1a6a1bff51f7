"""The bytes that an issuer receives as the answer to an authorization request.

The request carries the answer format of its issuer. The committing statement stores the bytes of the outcome, so a
repeated request gets the same bytes. Everything else that belongs to an answer, such as Marqeta's HTTP status, is
derived from the bytes.
"""

from issuing.issuers.messages import AnswerFormat

# The committing statement may turn an approval into one of these.
UNDER_THE_LOCK = ("daily_limit_exceeded", "monthly_limit_exceeded", "deadline_exceeded")


# A request that contradicts known facts is not decided, so no decision's bytes answer it.
UNDECIDED = {
    "reused": "event_id_reused",
    "contradiction": "round_contradicts",
    "ended": "authorization_not_open",
    "stale": "unavailable",
}


def for_each_result(answers: AnswerFormat, decision_id: str, reason: str) -> dict[str, str]:
    """Returns the answer for each possible outcome of a proposal; the empty reason is the approval."""
    reasons = (reason,) if reason else ("", *UNDER_THE_LOCK)
    return {each: answers.answer(decision_id, each) for each in reasons}


def answer_of(answers: AnswerFormat, kind: str, response: bytes) -> bytes:
    """Returns the bytes that answer each kind of result of issuing/sql/record_decision.sql."""
    if kind in UNDECIDED:
        return answers.bare_decline(UNDECIDED[kind])
    return answers.repeat(response) if kind == "twin" else response
