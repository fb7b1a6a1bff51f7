"""What an error of Stripe that is no decline means: not looked at, or unknown (stripe, error types)."""

import stripe

from onecard.kit.text import clean_message, clean_text
from wallet.processors.base import NotProcessedError, OutcomeUnknownError

NOT_LOOKED_AT = (stripe.RateLimitError, stripe.AuthenticationError, stripe.PermissionError)


def not_told(error: stripe.StripeError) -> NotProcessedError | OutcomeUnknownError:
    """The error in our words, for `raise … from`: Stripe did not look at the request, or it may have done its work.

    409, 5xx, HTML, no answer at all, or a key that was used with other words before: it may have happened.
    """
    headers = error.headers or {}
    if isinstance(error, NOT_LOOKED_AT):
        return NotProcessedError(message(error), retry_after_s=_seconds(headers.get("Retry-After")))
    # The stored answer to the key's first request says so (Stripe, idempotent requests).
    replayed = str(headers.get("Idempotent-Replayed", "")).lower() == "true"
    return OutcomeUnknownError(message(error), replayed=replayed)


def message(error: stripe.StripeError) -> str:
    """What Stripe says of it, fit to be stored."""
    return clean_message(error.user_message or str(error), limit=300)


def code(error: stripe.StripeError) -> str:
    """Stripe's word for it, or ""."""
    return clean_text(getattr(error.error, "code", None), limit=80)


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdecimal() else None
