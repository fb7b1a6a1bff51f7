"""The account's answer to a decision request, judged as Stripe judges it."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.sandbox.journal import Delivery
from tests.sandbox.wire import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How one round was decided, and by whom; `amount` is set when less was approved than asked, in minor units."""

    approved: bool
    reason: str
    reason_message: str | None = None
    amount: int | None = None
    metadata: dict[str, str] = field(default_factory=dict)


class _MalformedError(ValueError):
    """The answer cannot be used; the message becomes `reason_message`."""


def read_verdict(answer: Delivery, *, pending: Json, limit_s: float, approve_on_timeout: bool) -> Verdict:
    """Judge an answer; without a usable one the account's setting decides."""
    if answer.error == "timeout" or answer.elapsed_ms > limit_s * 1000:
        return Verdict(approved=approve_on_timeout, reason="webhook_timeout")
    try:
        body = _read_body(answer)
        metadata = _read_metadata(body)
        amount = _read_amount(body, pending)
    except _MalformedError as error:
        return Verdict(approved=approve_on_timeout, reason="webhook_error", reason_message=str(error))
    if not body["approved"]:
        return Verdict(approved=False, reason="webhook_declined", metadata=metadata)
    return Verdict(approved=True, reason="webhook_approved", amount=amount, metadata=metadata)


def _read_body(answer: Delivery) -> Json:
    if answer.error:
        raise _MalformedError(f"The webhook could not be delivered: {answer.error}")
    if answer.status != 200:
        raise _MalformedError(f"The webhook answered with status {answer.status}, not 200.")
    if "stripe-version" not in {name.lower() for name in answer.headers}:
        raise _MalformedError("The webhook's answer has no Stripe-Version header.")
    try:
        body = json.loads(answer.body)
    except ValueError:
        raise _MalformedError("The webhook's answer is not JSON.") from None
    if not isinstance(body, dict) or not isinstance(body.get("approved"), bool):
        raise _MalformedError("The webhook's answer has no boolean named approved.")
    return body


def _read_metadata(body: Json) -> dict[str, str]:
    metadata: Any = body.get("metadata") or {}
    if not isinstance(metadata, dict) or len(metadata) > 50:
        raise _MalformedError("The answer's metadata is not an object of at most 50 keys.")
    for key, value in metadata.items():
        if not isinstance(value, str) or len(key) > 40 or len(value) > 500:
            raise _MalformedError(f"The answer's metadata {key!r} is not a text of up to 500 letters under up to 40.")
    return metadata


def _read_amount(body: Json, pending: Json) -> int | None:
    amount = body.get("amount")
    # A part is heard only where the network allows one, and only together with an approval.
    if amount is None or not pending["is_amount_controllable"] or not body["approved"]:
        return None
    if not isinstance(amount, int) or isinstance(amount, bool) or not 0 < amount <= pending["amount"]:
        raise _MalformedError("The answer's amount is not between 1 and the amount asked for.")
    if amount < (pending["amount_details"]["cashback_amount"] or 0):
        raise _MalformedError("The answer's amount is less than the cashback.")
    return amount
