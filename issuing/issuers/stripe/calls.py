"""One change or question to Stripe: its idempotency keys, and the package's errors as ours."""

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import stripe

from issuing.issuers import errors
from issuing.issuers.base import IssuerError
from issuing.issuers.stripe import keys

log = logging.getLogger(__name__)

Json = dict[str, Any]
Answer = TypeVar("Answer")


def change(
    key: str,
    asked_at: dt.datetime | None,
    send: Callable[[stripe.RequestOptions], stripe.StripeObject],
    *,
    find: Callable[[], Json | None] | None = None,
) -> Json:
    """Sends under the first key of this run that has no stored error; `find` looks up what an earlier request made.

    A creation has a `find`, which is asked before each key that may be new (docs/decisions/0042). Raises HeldBackError
    until the next run when this one has no key left, and for a creation at its end.
    """
    run = keys.run_now(asked_at)
    if find is not None and run.is_ending:
        raise run.next_one()
    found = ask(find) if find is not None and not run.is_first else None
    for idempotency_key in run.keys(key):
        if found is not None:
            return found
        try:
            return send({"idempotency_key": idempotency_key}).to_dict()
        except stripe.StripeError as error:
            if not _is_burnt(error):
                raise _translate(error) from None
        found = ask(find) if find is not None else None
    if found is not None:
        return found
    raise run.next_one()


def ask(call: Callable[[], Answer]) -> Answer:
    """Makes a call that reads; raises the errors of `base`."""
    try:
        return call()
    except stripe.StripeError as error:
        raise _translate(error) from None


def _is_burnt(error: stripe.StripeError) -> bool:
    return (error.http_status or 0) >= 500 and _header(error, "Idempotent-Replayed") == "true"


def _translate(error: stripe.StripeError) -> IssuerError:
    """Stripe's classes as ours; the log gets what Stripe's support asks for, and no text of theirs."""
    log.warning(
        "Stripe did not carry out a request: %s, HTTP %s, code %s, request %s.",
        type(error).__name__,
        error.http_status,
        getattr(error.error, "code", None),
        error.request_id,
    )
    match error:
        case stripe.RateLimitError():
            return errors.too_fast(_header(error, "Retry-After"))
        case stripe.AuthenticationError() | stripe.PermissionError():
            return errors.not_let_in()
        case stripe.IdempotencyError():
            return errors.key_reused()
        case stripe.InvalidRequestError():
            missing = getattr(error.error, "code", None) == "resource_missing"
            return errors.refused(404 if missing else error.http_status)
        case stripe.CardError():
            return errors.refused()
    # No answer, 409 for a key in use, 5xx, a page of a gateway, mangled JSON.
    return errors.no_answer()


def _header(error: stripe.StripeError, name: str) -> str | None:
    headers: Mapping[str, str] = error.headers or {}
    return next((value for given, value in headers.items() if given.lower() == name.lower()), None)
