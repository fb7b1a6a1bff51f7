"""Ephemeral keys: with one of them the cardholder's own browser may be shown the number of one card."""

import secrets

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.errors import ApiError
from tests.sandbox.stripe.lookup import referenced
from tests.sandbox.stripe.specs import Spec, required, text
from tests.sandbox.wire import Json, new_id, unix_now

CREATE: Spec = {"issuing_card": required(text()), "nonce": required(text())}
# Stripe says no figure in its reference; an hour is what its keys have been seen to live.
_LIVES_S = 3600


def create(sandbox: Sandbox, command: Command) -> Json:
    """Make a key for a card and the nonce that the browser drew; the call must name the version of the API."""
    params = command.params
    if not command.version:
        raise ApiError("Name the API version of the browser's script in the Stripe-Version header.")
    if not params["nonce"]:
        raise ApiError("The nonce is empty.", param="nonce")
    with sandbox.state.lock:
        card = referenced(sandbox.state, "issuing.card", params["issuing_card"], param="issuing_card")
    now = unix_now()
    return {
        "id": new_id("ephkey"),
        "object": "ephemeral_key",
        "associated_objects": [{"type": "issuing.card", "id": card["id"]}],
        "created": now,
        "expires": now + _LIVES_S,
        "livemode": False,
        "secret": f"ek_test_{secrets.token_urlsafe(48)}",
    }
