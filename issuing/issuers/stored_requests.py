"""Reads an authorization request again from the body that its issuer sent, for what is decided a second time."""

from collections.abc import Callable
from typing import Final

from issuing.issuers.marqeta.events import gateway_envelope, parse_gateway_request, read_object
from issuing.issuers.messages import AuthorizationRequest, MalformedEventError
from issuing.issuers.stripe.events import parse_authorization_request, parse_envelope
from issuing.models import Provider


def read_request(provider: str, body: bytes) -> AuthorizationRequest | None:
    """Returns the request in a stored body; None where it holds no request that can be read."""
    parse = _PARSERS.get(provider)
    try:
        return parse(body) if parse else None
    except MalformedEventError:
        return None


def _of_stripe(body: bytes) -> AuthorizationRequest:
    return parse_authorization_request(Provider.STRIPE, parse_envelope(body))


def _of_marqeta(body: bytes) -> AuthorizationRequest | None:
    envelope = gateway_envelope(read_object(body))
    return parse_gateway_request(envelope) if envelope else None


_PARSERS: Final[dict[str, Callable[[bytes], AuthorizationRequest | None]]] = {
    Provider.STRIPE: _of_stripe,
    Provider.MARQETA: _of_marqeta,
}
