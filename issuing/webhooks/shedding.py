"""Declines a purchase that cannot be decided in time, at once, in the server's event loop (docs/decisions/0057).

Its issuer would decide by itself before the request's turn came. Only genuine authorization requests are declined here;
events wait for a thread. Nothing here may wait, so the database is not asked.
"""

from collections.abc import Mapping
from http import HTTPStatus

from django.conf import settings

from issuing.authorizations import turned_away
from issuing.authorizations.turned_away import OVERLOADED
from issuing.issuers.marqeta.answers import MarqetaAnswers
from issuing.issuers.marqeta.events import gateway_envelope, jit_funding, read_object
from issuing.issuers.marqeta.jit_methods import APPROVABLE, CASH, INCREMENT
from issuing.issuers.messages import MalformedEventError
from issuing.issuers.stripe.answers import STRIPE
from issuing.issuers.stripe.question_names import question_names
from issuing.models import Provider
from issuing.webhooks import shed_counts, signatures
from onecard.kit.buffered_wsgi import Answer, json_answer

# An authorization request has a few kilobytes. Reading a larger body would hold up all others.
LARGEST_BODY = 64 * 1024


def decline_stripe(headers: Mapping[str, str], body: bytes) -> Answer | None:
    """Returns the answer that declines a genuine authorization request; None for anything else.

    `headers` has lower-case names.
    """
    if len(body) > LARGEST_BODY:
        return None
    try:
        signatures.verify_stripe(body, headers.get("stripe-signature", ""), settings.STRIPE_WEBHOOK_SECRETS)
    except signatures.SignatureError:
        return None
    return decline_verified_stripe(body, OVERLOADED)


def decline_verified_stripe(body: bytes, reason: str) -> Answer | None:
    """Returns the same for a body whose signature fits."""
    names = question_names(body)
    if names is None:
        return None
    turned_away.note(Provider.STRIPE, names.event_id, names.authorization_id, is_first=names.is_first, reason=reason)
    shed_counts.add(Provider.STRIPE)
    return json_answer(HTTPStatus.OK, STRIPE.bare_decline(reason), (b"stripe-version", _api_version()))


def decline_marqeta(headers: Mapping[str, str], body: bytes) -> Answer | None:
    """Returns the same for a request of Marqeta's gateway, whose answer repeats a part of the request."""
    if len(body) > LARGEST_BODY:
        return None
    try:
        signatures.verify_basic(
            headers.get("authorization", ""),
            username=settings.MARQETA_JIT_USERNAME,
            password=settings.MARQETA_JIT_PASSWORD,
        )
    except signatures.SignatureError:
        return None
    return decline_verified_marqeta(body, OVERLOADED)


def decline_verified_marqeta(body: bytes, reason: str) -> Answer | None:
    """Returns the same for a body whose sender has shown the password."""
    try:
        content = read_object(body)
    except MalformedEventError:
        return None
    jit, envelope = jit_funding(content), gateway_envelope(content)
    method = jit.get("method")
    if method not in (*APPROVABLE, *CASH):
        return None
    if envelope is not None:
        turned_away.note(Provider.MARQETA, envelope.id, envelope.object_id, is_first=method != INCREMENT, reason=reason)
    shed_counts.add(Provider.MARQETA)
    return json_answer(HTTPStatus.PAYMENT_REQUIRED, MarqetaAnswers.to(jit).bare_decline(reason))


def _api_version() -> bytes:
    return str(settings.STRIPE_API_VERSION).encode()
