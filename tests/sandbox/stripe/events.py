"""Events: the envelope around an object, and which of them carry what changed."""

from typing import TYPE_CHECKING

from tests.sandbox.state import State
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.render import render
from tests.sandbox.wire import Json, new_id, unix_now

if TYPE_CHECKING:
    from tests.sandbox.sandbox import Sandbox


def emit(
    sandbox: "Sandbox", event_type: str, thing: Json, *, command: Command | None = None, before: Json | None = None
) -> None:
    """Queue an event about an object as it is now; `before` is how it was shown before the change.

    Call it under the state's lock: the event must tell what this change made, not the next.
    """
    after = render(sandbox.state, thing)
    data: Json = {"object": after}
    if before is not None:
        data["previous_attributes"] = {name: old for name, old in before.items() if after.get(name) != old}
    sandbox.outgoing.send(_envelope(sandbox, event_type, data, command))


def decision_request(sandbox: "Sandbox", state: State, authorization: Json) -> Json:
    """Build the event that asks for a decision; the network caused it, not a call of ours."""
    return _envelope(sandbox, "issuing_authorization.request", {"object": render(state, authorization)}, None)


def _envelope(sandbox: "Sandbox", event_type: str, data: Json, command: Command | None) -> Json:
    cause = {
        "id": command.request_id if command else None,
        "idempotency_key": command.idempotency_key if command else None,
    }
    return {
        "id": new_id("evt"),
        "object": "event",
        "api_version": sandbox.settings.api_version,
        "created": unix_now(),
        "data": data,
        "livemode": False,
        "pending_webhooks": 1,
        "request": cause,
        "type": event_type,
    }
