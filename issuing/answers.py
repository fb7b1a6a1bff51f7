"""The bytes that the issuer gets (Stripe, real-time authorizations: the key is `approved`, metadata is text)."""

import json
import uuid

# What the committing statement may still turn an approval into.
UNDER_THE_LOCK = ("daily_limit_exceeded", "monthly_limit_exceeded", "deadline_exceeded")


def for_each_outcome(decision_id: uuid.UUID, reason: str) -> dict[str, str]:
    """The answer for each way that a proposal may end; the empty reason is the approval."""
    reasons = (reason,) if reason else ("", *UNDER_THE_LOCK)
    return {each: answer(decision_id, each) for each in reasons}


def answer(decision_id: uuid.UUID, reason: str) -> str:
    """Approves when there is no reason not to, and names the decision, so that both sides' records meet."""
    metadata = {"onecard_decision": str(decision_id)} | ({"onecard_reason": reason} if reason else {})
    return json.dumps({"approved": not reason, "metadata": metadata})


def bare_decline(reason: str) -> bytes:
    """A decline that no stored decision stands behind."""
    return json.dumps({"approved": False, "metadata": {"onecard_reason": reason}}).encode()


def is_approval(response: bytes) -> bool:
    return json.loads(response)["approved"] is True
