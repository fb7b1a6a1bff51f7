"""Declines a purchase that gets no thread in time, at once, in the server's event loop.

Its issuer would have decided by itself before the request's turn came. Only genuine authorization requests are declined
here; events wait for a thread. Nothing here may wait, so the database is not asked (docs/decisions/0033).
"""

from collections.abc import Mapping
from http import HTTPStatus

from django.conf import settings

from issuing.issuers.marqeta.answers import MarqetaAnswers
from issuing.issuers.marqeta.events import jit_funding, read_object
from issuing.issuers.marqeta.jit_methods import APPROVABLE, CASH
from issuing.issuers.messages import MalformedEventError
from issuing.issuers.stripe.answers import STRIPE
from issuing.issuers.stripe.events import REQUEST, parse_envelope
from issuing.webhooks import signatures

REASON = "deadline_exceeded"
# An authorization request has a few kilobytes. Reading a larger body would hold up all others.
LARGEST_BODY = 64 * 1024

Decline = tuple[int, bytes]


def decline_stripe(headers: Mapping[str, str], body: bytes) -> Decline | None:
    """Returns the status and body that decline a genuine authorization request; None for anything else.

    `headers` has lower-case names.
    """
    if len(body) > LARGEST_BODY:
        return None
    try:
        signatures.verify_stripe(body, headers.get("stripe-signature", ""), settings.STRIPE_WEBHOOK_SECRETS)
        is_question = parse_envelope(body).type == REQUEST
    except (signatures.SignatureError, MalformedEventError):
        return None
    return (HTTPStatus.OK, STRIPE.bare_decline(REASON)) if is_question else None


def decline_marqeta(headers: Mapping[str, str], body: bytes) -> Decline | None:
    """Returns the same for a request of Marqeta's gateway, whose answer repeats a part of the request."""
    if len(body) > LARGEST_BODY:
        return None
    try:
        signatures.verify_basic(
            headers.get("authorization", ""),
            username=settings.MARQETA_JIT_USERNAME,
            password=settings.MARQETA_JIT_PASSWORD,
        )
        jit = jit_funding(read_object(body))
    except (signatures.SignatureError, MalformedEventError):
        return None
    if jit.get("method") not in (*APPROVABLE, *CASH):
        return None
    return HTTPStatus.PAYMENT_REQUIRED, MarqetaAnswers.to(jit).bare_decline(REASON)
