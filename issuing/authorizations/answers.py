"""The bytes that an issuer gets: each issuer's request carries the format of its own answer.

The committing statement stores the bytes of each outcome, so a repeat is answered by the very same ones, and
whatever else belongs to an answer (Marqeta's HTTP status) is read back from the bytes.
"""

import json
import uuid
from dataclasses import dataclass
from typing import Protocol

# What the committing statement may still turn an approval into.
UNDER_THE_LOCK = ("daily_limit_exceeded", "monthly_limit_exceeded", "deadline_exceeded")


# A question that contradicts what we know is not decided, and no decision's bytes are its answer.
UNDECIDED = {
    "reused": "event_id_reused",
    "contradiction": "round_contradicts",
    "ended": "authorization_not_open",
    "stale": "unavailable",
}


class AnswerFormat(Protocol):
    """How one issuer wants to be answered."""

    def answer(self, decision_id: uuid.UUID, reason: str) -> str:
        """Approves when there is no reason not to, and names the decision, so that both sides' records meet."""

    def bare_decline(self, reason: str) -> bytes:
        """A decline that no stored decision stands behind."""

    def repeat(self, response: bytes) -> bytes:
        """The stored answer of a round, for another event that asks the very same."""

    def is_approval(self, response: bytes) -> bool:
        """Says whether these bytes, written by `answer` or `bare_decline`, approve."""


def for_each_outcome(answers: AnswerFormat, decision_id: uuid.UUID, reason: str) -> dict[str, str]:
    """The answer for each way that a proposal may end; the empty reason is the approval."""
    reasons = (reason,) if reason else ("", *UNDER_THE_LOCK)
    return {each: answers.answer(decision_id, each) for each in reasons}


def answer_of(answers: AnswerFormat, kind: str, response: bytes) -> bytes:
    """The bytes for what the committing statement did with a question (migrations 0014 and 0018 have the kinds)."""
    if kind in UNDECIDED:
        return answers.bare_decline(UNDECIDED[kind])
    return answers.repeat(response) if kind == "twin" else response


@dataclass(frozen=True, slots=True)
class StripeAnswers:
    """docs/issuers/stripe.md, Real-time authorizations: the key is `approved`, metadata is text."""

    def answer(self, decision_id: uuid.UUID, reason: str) -> str:
        metadata = {"onecard_decision": str(decision_id)} | ({"onecard_reason": reason} if reason else {})
        return json.dumps({"approved": not reason, "metadata": metadata})

    def bare_decline(self, reason: str) -> bytes:
        return json.dumps({"approved": False, "metadata": {"onecard_reason": reason}}).encode()

    def repeat(self, response: bytes) -> bytes:
        return response

    def is_approval(self, response: bytes) -> bool:
        return json.loads(response)["approved"] is True


STRIPE = StripeAnswers()
