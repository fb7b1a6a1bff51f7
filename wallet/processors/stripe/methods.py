"""Reads a saved card at Stripe, and cancels a payment intent that waits for its cardholder."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import stripe

from onecard.kit.text import clean_text
from wallet.processors.base import Outcome, OutcomeUnknownError
from wallet.processors.stripe import errors as stripe_errors
from wallet.processors.stripe.client import stripe_client
from wallet.processors.stripe.intents import read_payment_intent


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A card as the processor stores it: its customer ("" for none), expiry and card details where known.

    `fingerprint` is equal for equal numbers; `funding_type` is credit, debit, prepaid or unknown.
    """

    customer_id: str
    expiry_month: int | None = None
    expiry_year: int | None = None
    last_four: str = ""
    network: str = ""
    funding_type: str = ""
    country: str = ""
    fingerprint: str = ""


def look_up(processor_method_id: str) -> SavedMethod | None:
    """Reads the card at Stripe; None when there is none of that id.

    Raises OutcomeUnknownError or NotProcessedError when Stripe does not answer.
    """
    try:
        found = stripe_client().v1.payment_methods.retrieve(processor_method_id)
    except stripe.InvalidRequestError as error:
        refused = stripe_errors.refused(error)
        if refused.code == "resource_missing":
            return None
        raise OutcomeUnknownError(refused.message) from error
    except stripe.StripeError as error:
        raise stripe_errors.without_answer(error) from error
    return read_saved_method(found.to_dict())


def cancel(processor_charge_id: str) -> Outcome | None:
    """Cancels a payment intent and returns its state; None for a state that we do not know.

    A repeat changes nothing, so it needs no key. Raises OutcomeUnknownError or NotProcessedError.
    """
    intents = stripe_client().v1.payment_intents
    try:
        try:
            intent = intents.cancel(processor_charge_id, {"cancellation_reason": "abandoned"})
        except stripe.InvalidRequestError as error:
            stripe_errors.refused(error)
            # It has moved on: it was canceled already, or paid.
            intent = intents.retrieve(processor_charge_id)
    except stripe.InvalidRequestError as error:
        stripe_errors.refused(error)
        return None
    except stripe.StripeError as error:
        raise stripe_errors.without_answer(error) from error
    return read_payment_intent(intent.to_dict())


def read_saved_method(method: Mapping[str, Any]) -> SavedMethod:
    """Reads a payment method object from an answer or an event."""
    customer, card = method.get("customer"), method.get("card")
    card = card if isinstance(card, Mapping) else {}
    month, year = card.get("exp_month"), card.get("exp_year")
    last_four = clean_text(card.get("last4"), limit=10)
    is_date = isinstance(month, int) and isinstance(year, int) and 1 <= month <= 12 and 2000 <= year <= 2099
    return SavedMethod(
        customer_id=clean_text(customer.get("id") if isinstance(customer, Mapping) else customer, limit=64),
        expiry_month=month if is_date else None,
        expiry_year=year if is_date else None,
        last_four=last_four if len(last_four) == 4 and last_four.isascii() and last_four.isdecimal() else "",
        network=clean_text(card.get("brand"), limit=20).lower(),
        funding_type=clean_text(card.get("funding"), limit=10).lower(),
        country=clean_text(card.get("country"), limit=2).upper(),
        fingerprint=clean_text(card.get("fingerprint"), limit=64),
    )
