"""The body of an answer to Marqeta's JIT gateway; it repeats the question (docs/issuers/marqeta.md, Gateway responses).

Approval is HTTP 200, a decline is HTTP 402 with a `decline_reason`; the status follows from the bytes, so that a
repeat is answered alike in both.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from onecard.kit import exact_json

NOT_PERMITTED = "TRANSACTION_NOT_PERMITTED"
ECHOED = ("token", "method", "user_token", "amount")
# Our reasons in Marqeta's words; all others are NOT_PERMITTED. The tags carry our own word.
REASONS = {
    "unknown_card": "INVALID_CARD",
    "card_not_active": "CARD_NOT_ACTIVE",
    "card_stop_reported": "CARD_NOT_ACTIVE",
    "compliance_hold": "BLOCKED_BY_ISSUER",
    "kyc_not_verified": "CARDHOLDER_NOT_ACTIVE",
    "per_transaction_limit_exceeded": "AMOUNT_LIMIT_EXCEEDED",
    "daily_limit_exceeded": "AMOUNT_LIMIT_EXCEEDED",
    "monthly_limit_exceeded": "AMOUNT_LIMIT_EXCEEDED",
    "single_use_card_used": "TRANSACTION_COUNT_LIMIT_EXCEEDED",
    "locked_to_another_merchant": "INVALID_MERCHANT",
    "no_funding_card": "INSUFFICIENT_FUNDS",
    "invalid_amount": "INVALID_AMOUNT",
    "suspected_fraud": "SUSPECTED_FRAUD",
}


class _JitFunding(msgspec.Struct):
    """Of an answer of ours, whether it declines; the rest is not read."""

    decline_reason: str | None = None


class _Answered(msgspec.Struct):
    jit_funding: _JitFunding


_APPROVED: Final = msgspec.json.Decoder(_Answered)


@dataclass(frozen=True, slots=True)
class MarqetaAnswers:
    """Answers to one gateway request; `echo` is what must come back, as the text of a JSON object."""

    echo: str

    @classmethod
    def to(cls, jit: dict[str, Any]) -> "MarqetaAnswers":
        """Takes from a request's `jit_funding` what its answer repeats; what is not a text or a number is left out."""
        echo = {name: jit[name] for name in ECHOED if _is_plain(jit.get(name))}
        return cls(exact_json.dumps(echo))

    def answer(self, decision_id: str, reason: str) -> str:
        tags = f"onecard_decision={decision_id}" + (f",onecard_reason={reason}" if reason else "")
        return self._body({"memo": f"One Card {decision_id}", "tags": tags} | _declined(reason))

    def approve_part(self, decision_id: str, part: int | str) -> str:
        """Approves all: that Marqeta takes a part is unverified, so no request of it is controllable."""
        return self.answer(decision_id, "")

    def approve_by_stand_in(self, decision_id: str) -> str:
        tags = f"onecard_decision={decision_id},onecard_reason=stand_in_approved"
        return self._body({"memo": f"One Card {decision_id}", "tags": tags})

    def bare_decline(self, reason: str) -> bytes:
        return self._body({"tags": f"onecard_reason={reason}"} | _declined(reason)).encode()

    def repeat(self, response: bytes) -> bytes:
        """Returns the answer of the same round to this question, which may have another jit token:

        The token must come back.
        """
        own = exact_json.loads(self.echo.encode())
        return exact_json.dumps({"jit_funding": {**exact_json.loads(response)["jit_funding"], **own}}).encode()

    def acknowledgement(self) -> bytes:
        """Returns the answer to a message that only informs: what came, and nothing else."""
        return self._body({}).encode()

    def is_approval(self, response: bytes) -> bool:
        return _APPROVED.decode(response).jit_funding.decline_reason is None

    def _body(self, more: dict[str, str]) -> str:
        own = json.dumps(more)[1:]
        glue = ", " if more and self.echo != "{}" else ""
        return f'{{"jit_funding": {self.echo[:-1]}{glue}{own}}}'


def _declined(reason: str) -> dict[str, str]:
    return {"decline_reason": REASONS.get(reason, NOT_PERMITTED)} if reason else {}


def _is_plain(value: object) -> bool:
    return value is not None and not isinstance(value, bool | dict | list)
