"""Stripe's errors that are no declines: refused, not looked at, or unknown (docs/issuers/stripe.md, Error types)."""

from dataclasses import dataclass

import stripe

from onecard.kit.text import clean_message, clean_text
from wallet.processors import blame
from wallet.processors.base import AccountRefusedError, NotProcessedError, OutcomeUnknownError
from wallet.processors.blame import Blame

OUR_KEY = (stripe.AuthenticationError, stripe.PermissionError)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that Stripe refused for good: its code ("" for none), what it says, and whose trouble that is."""

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
    """The error in our words, for `raise … from`: Stripe did not look at the request, or it may have done its work.

    409, 5xx, HTML, no answer at all, or a key that was used with other words before: it may have happened.
    """
    if isinstance(error, OUR_KEY):
        return AccountRefusedError(message(error), refusal_code=code(error), is_stored=False)
    if isinstance(error, stripe.RateLimitError):
        return NotProcessedError(message(error), retry_after_s=_seconds((error.headers or {}).get("Retry-After")))
    # A key that was used with other parameters will never answer anything else either.
    is_final = is_replayed(error) or isinstance(error, stripe.IdempotencyError)
    return OutcomeUnknownError(message(error), replayed=is_final)


def message(error: stripe.StripeError) -> str:
    """What Stripe says of it, fit to be stored."""
    return clean_message(error.user_message or str(error), limit=300)


def code(error: stripe.StripeError) -> str:
    """Stripe's word for it, or ""."""
    return clean_text(getattr(error.error, "code", None), limit=80)


def is_replayed(error: stripe.StripeError) -> bool:
    """The stored answer to the key's first request says so (docs/issuers/stripe.md, Idempotent requests)."""
    return str((error.headers or {}).get("Idempotent-Replayed", "")).lower() == "true"


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdecimal() else None
