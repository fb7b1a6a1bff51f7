"""The bytes that an issuer receives as the answer to an authorization request.

The request carries the answer format of its issuer. The committing statement stores the bytes of the outcome, so a
repeated request gets the same bytes. Everything else that belongs to an answer, such as Marqeta's HTTP status, is
derived from the bytes.
"""

from collections.abc import Iterable

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


def for_each_result(
    answers: AnswerFormat, decision_id: str, reason: str, *, counted: Iterable[str] = (), part_minor: int | None = None
) -> dict[str, str]:
    """Returns the answer for each possible outcome of a proposal; the empty reason is the approval.

    `counted` are the reasons of the counters that may decline it. `part_minor` is the part that is approved, if it is
    one. The one of "part" has @part where the committing statement writes the part that a counter has left.
    """
    if reason:
        return {reason: answers.answer(decision_id, reason)}
    found = {each: answers.answer(decision_id, each) for each in (*UNDER_THE_LOCK, *counted)}
    found[""] = answers.answer(decision_id, "") if part_minor is None else answers.approve_part(decision_id, part_minor)
    return found


def answer_of(answers: AnswerFormat, kind: str, response: bytes) -> bytes:
    """Returns the bytes that answer each kind of result of issuing/sql/record_decision.sql."""
    if kind in UNDECIDED:
        return answers.bare_decline(UNDECIDED[kind])
    return answers.repeat(response) if kind == "twin" else response
