"""The bytes that Stripe gets as an answer to a real-time authorization."""

import functools
import json
from dataclasses import dataclass
from typing import Final

import msgspec

# Stands for a decision's id; in no reason of ours.
_ID: Final = "@"


class _Approved(msgspec.Struct):
    """What an answer of ours says first; the rest is not read."""

    approved: bool


_APPROVED: Final = msgspec.json.Decoder(_Approved)


@dataclass(frozen=True, slots=True)
class StripeAnswers:
    """docs/issuers/stripe.md, Real-time authorizations: the key is `approved`, metadata is text."""

    def answer(self, decision_id: str, reason: str) -> str:
        return _template(reason).replace(_ID, decision_id)

    def approve_part(self, decision_id: str, part: int | str) -> str:
        """`amount` is used where the request's `is_amount_controllable` is true, and ignored otherwise."""
        return json.dumps({"approved": True, "amount": part, "metadata": {"onecard_decision": decision_id}})

    def approve_by_stand_in(self, decision_id: str) -> str:
        metadata = {"onecard_decision": decision_id, "onecard_reason": "stand_in_approved"}
        return json.dumps({"approved": True, "metadata": metadata})

    def bare_decline(self, reason: str) -> bytes:
        return _bare_decline(reason)

    def repeat(self, response: bytes) -> bytes:
        return response

    def is_approval(self, response: bytes) -> bool:
        return _APPROVED.decode(response).approved


@functools.lru_cache(maxsize=256)
def _template(reason: str) -> str:
    metadata = {"onecard_decision": _ID} | ({"onecard_reason": reason} if reason else {})
    return json.dumps({"approved": not reason, "metadata": metadata})


@functools.lru_cache(maxsize=256)
def _bare_decline(reason: str) -> bytes:
    return json.dumps({"approved": False, "metadata": {"onecard_reason": reason}}).encode()


STRIPE = StripeAnswers()
