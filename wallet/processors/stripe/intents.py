"""Reads a PaymentIntent of Stripe from an answer, an event or a list."""

from collections.abc import Mapping
from typing import Any

from onecard.kit.text import clean_message, clean_text
from wallet.processors.base import Outcome
from wallet.states import Charge

# The bank wants the person on session; the payment intent then waits for another method.
NEEDS_CARDHOLDER = {"authentication_required", "authentication_not_handled"}
STATUS = {
    "succeeded": Charge.SUCCEEDED,
    "processing": Charge.PROCESSING,
    "requires_capture": Charge.HELD,
    "requires_action": Charge.REQUIRES_ACTION,
    "canceled": Charge.CANCELED,
}


def read_payment_intent(intent: Mapping[str, Any]) -> Outcome | None:
    """Reads a PaymentIntent as an outcome; None while nothing has happened to it that we know."""
    intent_id, status = clean_text(intent.get("id"), limit=64), STATUS.get(str(intent.get("status")))
    error = intent.get("last_payment_error")
    if intent.get("status") == "requires_payment_method" and isinstance(error, Mapping):
        status = Charge.DECLINED  # Without an error it is new: no card was tried yet.
    if not intent_id or status is None:
        return None
    error = error if isinstance(error, Mapping) else {}
    code = clean_text(error.get("decline_code") or error.get("code"), limit=80)
    metadata = intent.get("metadata")
    return Outcome(
        status=Charge.REQUIRES_ACTION if status == Charge.DECLINED and code in NEEDS_CARDHOLDER else status,
        processor_charge_id=intent_id,
        failure_code=code,
        failure_message=clean_message(error.get("message"), limit=300),
        charge_public_id=clean_text(metadata.get("funding_charge"), limit=64) if isinstance(metadata, Mapping) else "",
    )


def intent_of(content: Mapping[str, Any]) -> str:
    """Returns the id of the payment intent that an object names itself or through its expanded charge; "" for none."""
    named, charge = content.get("payment_intent"), content.get("charge")
    if not named and isinstance(charge, Mapping):
        named = charge.get("payment_intent")
    return clean_text(named.get("id") if isinstance(named, Mapping) else named, limit=64)
