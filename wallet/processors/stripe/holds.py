"""Holds at Stripe: capturing or canceling a PaymentIntent (docs/issuers/stripe.md, Place a hold on a card).

A payment intent can be captured once and canceled once, so a repeat does no harm. When a call is refused because the
intent has moved on, its present state is the answer.
"""

from collections.abc import Callable
from typing import Any

import stripe

from onecard.kit.currency_units import to_stripe
from onecard.kit.money import Money
from wallet.processors.base import CaptureOrder, Outcome, OutcomeUnknownError
from wallet.processors.stripe import errors as stripe_errors
from wallet.processors.stripe.intents import read_payment_intent
from wallet.states import Charge

# Stripe's codes for a hold that its bank has released.
LAPSED = frozenset({"capture_charge_authorization_expired", "charge_expired_for_capture"})


def capture(client: stripe.StripeClient, order: CaptureOrder) -> Outcome:
    """Takes the amount and releases the rest. Raises OutcomeUnknownError or NotProcessedError."""
    intents = client.v1.payment_intents
    return _ask(
        client,
        order.processor_charge_id,
        lambda: intents.capture(
            order.processor_charge_id,
            {"amount_to_capture": to_stripe(Money(order.amount_minor, order.currency))},
            {"idempotency_key": order.idempotency_key},
        ),
    )


def give_up(client: stripe.StripeClient, processor_charge_id: str) -> Outcome:
    """Cancels the hold. Raises OutcomeUnknownError or NotProcessedError."""
    intents = client.v1.payment_intents
    return _ask(
        client,
        processor_charge_id,
        lambda: intents.cancel(processor_charge_id, {"cancellation_reason": "requested_by_customer"}),
    )


def _ask(client: stripe.StripeClient, processor_charge_id: str, ask: Callable[[], Any]) -> Outcome:
    try:
        return _known(ask())
    except stripe.InvalidRequestError as error:
        refused = stripe_errors.refused(error)
        code, said = refused.code, refused.message
    except stripe.CardError as error:
        code, said = stripe_errors.code(error), stripe_errors.message(error)
    except stripe.StripeError as error:
        raise stripe_errors.without_answer(error) from error
    try:
        stands = _known(client.v1.payment_intents.retrieve(processor_charge_id))
    except stripe.StripeError as error:
        raise stripe_errors.without_answer(error) from error
    if stands.status in (Charge.SUCCEEDED, Charge.CANCELED):
        return stands
    if stands.status == Charge.HELD and code not in LAPSED:
        # It is still held and the call is still refused: it is repeated until a person finds out why.
        raise OutcomeUnknownError(f"Stripe refuses it although the amount is held: {said}")
    return Outcome(Charge.CANCELED, processor_charge_id, failure_code=code or "hold_lapsed", failure_message=said)


def _known(intent: Any) -> Outcome:
    found = read_payment_intent(intent.to_dict())
    if found is None:
        raise OutcomeUnknownError("Stripe answered a payment intent with a status that is new to us.")
    return found
