"""Stripe's errors that are no declines: refused, not processed, or unknown (docs/issuers/stripe.md, Error types)."""

from dataclasses import dataclass

import stripe

from onecard.kit.text import clean_message, clean_text
from wallet.processors import blame
from wallet.processors.base import AccountRefusedError, NotProcessedError, OutcomeUnknownError
from wallet.processors.blame import Blame

OUR_KEY = (stripe.AuthenticationError, stripe.PermissionError)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that Stripe refused for good: its code ("" for none), its message, and whom it is about."""

    code: str
    message: str
    blame: Blame


def refused(error: stripe.InvalidRequestError | stripe.CardError) -> Refusal:
    """Reads a refused request; raises AccountRefusedError when Stripe refuses our account and not this request."""
    named, said = code(error), message(error)
    param = clean_text(getattr(error.error, "param", None) or error.param, limit=80)
    whose = blame.of_refusal(named, param=param, message=said)
    if whose == Blame.ACCOUNT:
        raise AccountRefusedError(said, refusal_code=named, replayed=is_replayed(error)) from error
    return Refusal(named or "invalid_request", said, whose)


def without_answer(error: stripe.StripeError) -> NotProcessedError | OutcomeUnknownError:
    """Returns the error to raise when Stripe did not look at the request, or may have done its work.

    After 409, 5xx, HTML, no answer at all, or a key that was used with other parameters, it may have done its work.
    """
    if isinstance(error, OUR_KEY):
        return AccountRefusedError(message(error), refusal_code=code(error), is_stored=False)
    if isinstance(error, stripe.RateLimitError):
        return NotProcessedError(message(error), retry_after_s=_seconds((error.headers or {}).get("Retry-After")))
    # A key that was used with other parameters never gives another answer either.
    is_final = is_replayed(error) or isinstance(error, stripe.IdempotencyError)
    return OutcomeUnknownError(message(error), replayed=is_final)


def message(error: stripe.StripeError) -> str:
    """Returns Stripe's message in a form that may be stored."""
    return clean_message(error.user_message or str(error), limit=300)


def code(error: stripe.StripeError) -> str:
    """Returns Stripe's code, or ""."""
    return clean_text(getattr(error.error, "code", None), limit=80)


def is_replayed(error: stripe.StripeError) -> bool:
    """Returns whether it is the stored answer to a repeated key (docs/issuers/stripe.md, Idempotent requests)."""
    return str((error.headers or {}).get("Idempotent-Replayed", "")).lower() == "true"


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdecimal() else None
