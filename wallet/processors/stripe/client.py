"""Stripe as the processor: off-session PaymentIntents (docs/issuers/stripe.md, Saving and charging cards later)."""

import functools
from typing import Any

import stripe
from django.conf import settings
from stripe.params import PaymentIntentCreateParams, PaymentIntentListParams

from onecard.kit import durations
from onecard.kit.currency_units import to_stripe
from onecard.kit.money import Money
from onecard.kit.text import clean_message, clean_text
from wallet.processors import blame
from wallet.processors.base import (
    CaptureOrder,
    ChargeOrder,
    Outcome,
    OutcomeUnknownError,
    RefundOrder,
    RefundOutcome,
    RequestRefusedError,
)
from wallet.processors.blame import Blame
from wallet.processors.stripe import errors as stripe_errors
from wallet.processors.stripe import holds as stripe_holds
from wallet.processors.stripe import refunds as stripe_refunds
from wallet.processors.stripe.intents import NEEDS_CARDHOLDER, read_payment_intent
from wallet.states import Charge

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 3.05, 20


class StripeProcessor:
    """Charges through the `stripe` package and translates its answers and errors."""

    def charge(self, order: ChargeOrder) -> Outcome:
        try:
            intent = stripe_client().v1.payment_intents.create(
                _parameters(order), {"idempotency_key": order.idempotency_key}
            )
        except stripe.CardError as error:
            return _declined(error) if _is_a_decline(error) else _refused(error)
        except stripe.StripeError as error:
            return _translate(error)
        return _known(intent.to_dict())

    def find(self, order: ChargeOrder) -> Outcome | None:
        # A day of slack between the clocks. Stripe lists by customer and time, not by metadata.
        window: PaymentIntentListParams = {
            "customer": order.customer_id,
            "created": {"gte": order.first_sent_at_s - 86_400},
            "limit": 100,
        }
        try:
            for intent in stripe_client().v1.payment_intents.list(window).auto_paging_iter():
                found = read_payment_intent(intent.to_dict())
                if found and found.charge_public_id == order.public_id:
                    return found
        except stripe.InvalidRequestError as error:
            refused = stripe_errors.refused(error)
            raise OutcomeUnknownError(f"Stripe refused the look-up: {refused.message}") from error
        except stripe.StripeError as error:
            raise stripe_errors.without_answer(error) from error
        return None

    def capture(self, order: CaptureOrder) -> Outcome:
        return stripe_holds.capture(stripe_client(), order)

    def give_up(self, processor_charge_id: str) -> Outcome:
        return stripe_holds.give_up(stripe_client(), processor_charge_id)

    def refund(self, order: RefundOrder) -> RefundOutcome:
        return stripe_refunds.refund(stripe_client(), order)

    def find_refund(self, order: RefundOrder) -> RefundOutcome | None:
        return stripe_refunds.find(stripe_client(), order)


def _parameters(order: ChargeOrder) -> PaymentIntentCreateParams:
    parameters: PaymentIntentCreateParams = {
        "amount": to_stripe(Money(order.amount_minor, order.currency)),
        "currency": order.currency.lower(),
        "customer": order.customer_id,
        "payment_method": order.method_id,
        # Effectively cards only, because no redirect is allowed. Newer API versions refuse payment_method_types.
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "off_session": True,
        "confirm": True,
        "description": order.description,
        "metadata": {"funding_charge": order.public_id},
    }
    if order.holds:
        parameters["capture_method"] = "manual"
    return parameters


def _known(intent: dict[str, Any]) -> Outcome:
    found = read_payment_intent(intent)
    if found is None:
        raise OutcomeUnknownError(f"Stripe answered a payment intent with the status {intent.get('status')!r}.")
    return found


def _is_a_decline(error: stripe.CardError) -> bool:
    """Returns whether a 402 is about this card: it is, unless it says otherwise and has no decline code."""
    if getattr(error.error, "decline_code", None):
        return True
    named, kind = stripe_errors.code(error), getattr(error.error, "type", None)
    if named in blame.BLAME:
        return blame.BLAME[named] in (Blame.CARD, Blame.AMOUNT)
    is_cards = kind in (None, "", "card_error")
    return is_cards and blame.of_refusal(named, message=stripe_errors.message(error)) != Blame.ACCOUNT


def _declined(error: stripe.CardError) -> Outcome:
    """Returns the decline of a 402. It is final for this key; later events name the intent inside it."""
    detail = error.error
    code = clean_text(getattr(detail, "decline_code", None) or error.code, limit=80)
    intent = getattr(detail, "payment_intent", None)
    return Outcome(
        status=Charge.REQUIRES_ACTION if code in NEEDS_CARDHOLDER else Charge.DECLINED,
        processor_charge_id=clean_text(getattr(intent, "id", None), limit=64),
        failure_code=code,
        failure_message=clean_message(error.user_message, limit=300),
    )


def _translate(error: stripe.StripeError) -> Outcome:
    """Raises what an error means that is no decline: refused for good, not looked at, or unknown."""
    if isinstance(error, stripe.InvalidRequestError):
        return _refused(error)
    raise stripe_errors.without_answer(error) from error


def _refused(error: stripe.InvalidRequestError | stripe.CardError) -> Outcome:
    """Returns the refusal of a request because of its card, person or amount; raises for other refusals."""
    found = stripe_errors.refused(error)
    if found.blame in (Blame.REQUEST, Blame.UNKNOWN):
        raise RequestRefusedError(
            found.message, refusal_code=stripe_errors.code(error), replayed=stripe_errors.is_replayed(error)
        ) from error
    return Outcome(Charge.REFUSED, failure_code=found.code, failure_message=found.message, blames=found.blame)


class _TimedClient(stripe.RequestsClient):
    """The package's own transport; how long each request took is counted."""

    def request(self, *args: Any, **more: Any) -> Any:
        with durations.timed("processor_call", "stripe") as call:
            answer = super().request(*args, **more)
            call.status = answer[1]
        return answer


@functools.cache
def stripe_client() -> stripe.StripeClient:
    """Returns the process's client. It sends each request once: our own workers retry (money-safety T19)."""
    bases: Any = {"api": settings.STRIPE_API_BASE} if settings.STRIPE_API_BASE else {}
    return stripe.StripeClient(
        settings.STRIPE_API_KEY,
        base_addresses=bases,
        max_network_retries=0,
        http_client=_TimedClient(timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S)),
        stripe_version=settings.STRIPE_API_VERSION,
    )
