"""Refunds at Stripe: accepted at once, and they may still fail days later (docs/issuers/stripe.md, Refunds)."""

from collections.abc import Mapping
from typing import Any

import stripe

from onecard.kit.currency_units import to_stripe
from onecard.kit.money import Money
from onecard.kit.text import clean_text, free_text
from wallet.processors.base import OutcomeUnknownError, RefundOrder, RefundOutcome
from wallet.processors.stripe import errors as stripe_errors
from wallet.states import Refund

# Stripe finishes pending and requires_action itself: for us the money is on its way.
STATUS = {
    "succeeded": Refund.SUCCEEDED,
    "pending": Refund.SUCCEEDED,
    "requires_action": Refund.SUCCEEDED,
    "failed": Refund.FAILED,
    "canceled": Refund.FAILED,
}
MARK = "funding_refund"


def refund(client: stripe.StripeClient, order: RefundOrder) -> RefundOutcome:
    """Asks for a refund under its key. Raises OutcomeUnknownError or NotProcessedError."""
    try:
        made = client.v1.refunds.create(
            {
                "payment_intent": order.processor_charge_id,
                "amount": to_stripe(Money(order.amount_minor, order.currency)),
                "metadata": {MARK: order.public_id},
            },
            {"idempotency_key": order.idempotency_key},
        )
    except stripe.StripeError as error:
        return _translate(error)
    found = read_refund(made.to_dict())
    if found is None:
        raise OutcomeUnknownError("Stripe answered a refund with a status that is new to us.")
    return found


def find(client: stripe.StripeClient, order: RefundOrder) -> RefundOutcome | None:
    """Returns the charge's refund that carries our id, or None."""
    try:
        listed = client.v1.refunds.list({"payment_intent": order.processor_charge_id, "limit": 100})
        for each in listed.auto_paging_iter():
            found = read_refund(each.to_dict())
            if found and found.refund_public_id == order.public_id:
                return found
    except stripe.InvalidRequestError as error:
        refused = stripe_errors.refused(error)
        raise OutcomeUnknownError(f"Stripe refused the look-up of a refund: {refused.message}") from error
    except stripe.StripeError as error:
        raise stripe_errors.without_answer(error) from error
    return None


def read_refund(content: Mapping[str, Any]) -> RefundOutcome | None:
    """Reads a refund from an answer or an event as an outcome; None for an unknown status."""
    refund_id, status = clean_text(content.get("id"), limit=64), STATUS.get(str(content.get("status")))
    if not refund_id or status is None:
        return None
    metadata = content.get("metadata")
    reason = free_text(content.get("failure_reason"), limit=80)
    return RefundOutcome(
        status=status,
        processor_refund_id=refund_id,
        failure_code=reason if status == Refund.FAILED else "",
        failure_message=f"The card's bank sent it back: {reason}." if status == Refund.FAILED and reason else "",
        refund_public_id=clean_text(metadata.get(MARK), limit=64) if isinstance(metadata, Mapping) else "",
    )


def _translate(error: stripe.StripeError) -> RefundOutcome:
    """Raises what an error means, as for charges: refused for good, not processed, or unknown."""
    if isinstance(error, stripe.InvalidRequestError):
        found = stripe_errors.refused(error)
        return RefundOutcome(Refund.FAILED, failure_code=found.code, failure_message=found.message)
    raise stripe_errors.without_answer(error) from error
