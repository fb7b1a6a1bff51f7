"""The sentences of the error classes in `base`, the same for every issuer, and the errors of our own limits."""

import datetime as dt
import math
from email.utils import parsedate_to_datetime

from django.core.exceptions import ImproperlyConfigured

from issuing.issuers.base import (
    AuthenticationError,
    IssuedCard,
    IssuerError,
    NetworkError,
    RateLimitedError,
    RefusedError,
)
from issuing.states import Card
from onecard.kit import clock

KEY_REUSED = "issuer_key_reused"


class PausedError(IssuerError):
    """The breaker is open after too many failures: nothing was sent. Come back in `retry_after_s`."""

    code = "issuer_paused"

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UnusableIssuerError(IssuerError, ImproperlyConfigured):
    """Our own settings do not let us ask this issuer, or no issuer has the name: administrators must act."""

    code = "issuer_not_set_up"


class HeldBackError(RateLimitedError):
    """We ourselves hold this request back for `retry_after_s`: it was not sent."""


class OverBudgetError(HeldBackError):
    """Our own budget of calls is used up for too long to wait: this request was not sent."""


def no_answer() -> NetworkError:
    """Returns the error for no answer or an unreadable one."""
    return NetworkError("The card issuer could not be reached or gave no readable answer. Please try again shortly.")


def not_let_in() -> AuthenticationError:
    """Returns the error for credentials that the issuer refused."""
    return AuthenticationError("The card issuer did not accept our credentials. Our staff has to look into this.")


def too_fast(retry_after: str | None) -> RateLimitedError:
    """Returns the error for the issuer's rate limit; `retry_after` is its raw header."""
    sentence = "The card issuer is busy. Please try again shortly."
    return RateLimitedError(sentence, retry_after_s=seconds_of(retry_after))


def held_back(wait: dt.timedelta) -> HeldBackError:
    """Returns the error for a change that has to wait for an earlier request about the same thing."""
    sentence = "The card issuer has not settled an earlier request for this. It is tried again later."
    return HeldBackError(sentence, retry_after_s=wait.total_seconds())


def refused(status: int | None = None) -> RefusedError:
    """Returns the error for a refusal that another attempt does not change."""
    if status == 404:
        return unknown()
    return RefusedError("The card issuer did not accept this request.")


def unknown() -> RefusedError:
    """Returns the error for a card or cardholder that the issuer does not know."""
    return RefusedError("The card issuer does not know this card or cardholder.", code="issuer_unknown_card")


def key_reused() -> RefusedError:
    """Returns the error for a key that was used again with another content."""
    return RefusedError("This request was sent before with other content.", code=KEY_REUSED)


def illegal_move(status: str) -> RefusedError:
    """Returns the error for a card that cannot be moved to this state from its present one."""
    return RefusedError(f"This card cannot become {status} any more.", code="issuer_illegal_move")


def not_moved(card: IssuedCard, status: str, refusal: RefusedError) -> RefusedError:
    """Returns why a move was refused: the card is closed for good, or the issuer's reason."""
    return illegal_move(status) if card.status == Card.CLOSED and refusal.code == RefusedError.code else refusal


def seconds_of(retry_after: str | None) -> float | None:
    """Returns the header Retry-After, a number of seconds or a date, as seconds from now; None if it is neither."""
    text = (retry_after or "").strip()
    try:
        seconds = float(text)
    except ValueError:
        return _seconds_until(text)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _seconds_until(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return max(0.0, (aware - clock.now()).total_seconds())
