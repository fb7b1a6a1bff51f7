"""The bytes that Stripe gets as an answer to a real-time authorization."""

import json
import uuid
from dataclasses import dataclass


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
