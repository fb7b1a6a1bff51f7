"""Webhook endpoints over the API; `outgoing.py` sends to them.

Which events and versions there are, Stripe's package says.
"""

import secrets
import typing
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

from stripe.params import WebhookEndpointCreateParams

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.errors import ApiError, RefusedError
from tests.sandbox.stripe.lookup import PAGING, addressed, page
from tests.sandbox.stripe.render import render
from tests.sandbox.stripe.specs import (
    CLEARED,
    Spec,
    anything,
    merge_metadata,
    metadata,
    required,
    rows,
    text,
    yes_or_no,
)
from tests.sandbox.wire import Json, new_id, unix_now

KIND: Final = "webhook_endpoint"
# Stripe's own limit for an account in one mode.
MOST: Final = 16
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

RETRIEVE: Spec = {}
LIST: Spec = PAGING
UPDATE: Spec = {
    "url": text(),
    "enabled_events": rows(text()),
    "disabled": yes_or_no(),
    "description": text(),
    "metadata": metadata(),
}
CREATE: Spec = {
    **{name: field for name, field in UPDATE.items() if name != "disabled"},
    "url": required(text()),
    "enabled_events": required(rows(text())),
    "api_version": text(),
    "connect": anything(),
}


def create(sandbox: Sandbox, command: Command) -> Json:
    """Make an endpoint; its secret is shown this once."""
    params, state = command.params, sandbox.state
    _check(params)
    endpoint = new_endpoint(params["url"], params["enabled_events"], version=params.get("api_version"))
    endpoint.update(description=params.get("description"), metadata=merge_metadata({}, params.get("metadata")))
    secret = sandbox.settings.endpoint_secret or f"whsec_{secrets.token_hex(16)}"
    with state.lock:
        if len(state.objects[KIND]) >= MOST:
            raise ApiError(f"You have reached the maximum of {MOST} test webhook endpoints.")
        state.endpoint_secrets[endpoint["id"]] = secret
        return {**render(state, state.add(endpoint)), "secret": secret}


def update(sandbox: Sandbox, command: Command) -> Json:
    """Change an endpoint, all but its version and its secret."""
    params, state = dict(command.params), sandbox.state
    _check(params)
    with state.lock:
        endpoint = addressed(state, KIND, command.id)
        if "disabled" in params:
            endpoint["status"] = "disabled" if params["disabled"] else "enabled"
        if "metadata" in params:
            endpoint["metadata"] = merge_metadata(endpoint["metadata"], params["metadata"])
        endpoint.update({name: params[name] for name in ("url", "enabled_events", "description") if name in params})
        return render(state, endpoint)


def retrieve(sandbox: Sandbox, command: Command) -> Json:
    """Show an endpoint without its secret."""
    with sandbox.state.lock:
        return render(sandbox.state, addressed(sandbox.state, KIND, command.id))


def delete(sandbox: Sandbox, command: Command) -> Json:
    """Delete an endpoint for good."""
    with sandbox.state.lock:
        endpoint = addressed(sandbox.state, KIND, command.id)
        left = [each for each in sandbox.state.objects[KIND].values() if each is not endpoint]
        sandbox.state.objects[KIND].clear()
        for each in left:
            sandbox.state.add(each)
        return {"id": endpoint["id"], "object": KIND, "deleted": True}


def list_(sandbox: Sandbox, command: Command) -> Json:
    """Show one page of endpoints, newest first."""
    with sandbox.state.lock:
        return page(sandbox.state, command, KIND, url="/v1/webhook_endpoints")


def new_endpoint(url: str, events: list[str], *, version: str | None, name: str = "") -> Json:
    """Build an endpoint that is enabled; without a version it follows the account's."""
    return {
        "id": name or new_id("we"),
        "object": KIND,
        "api_version": version,
        "application": None,
        "created": unix_now(),
        "description": None,
        "enabled_events": events,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
    }


def _check(params: Json) -> None:
    if "url" in params:
        _check_url(params["url"])
    if "enabled_events" in params:
        _check_events(params["enabled_events"])
    version = params.get("api_version")
    if version is not None and version not in _known("api_version"):
        raise RefusedError(f"Invalid api_version: {version}", param="api_version")


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    is_here = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RefusedError("Not a valid URL", code="url_invalid", param="url")
    if parts.scheme != "https" and not is_here:
        raise RefusedError("Invalid URL: URL must begin with https.", code="url_invalid", param="url")


def _check_events(events: Any) -> None:
    if events == CLEARED or not events:
        raise RefusedError("Invalid array: enabled_events must have at least one event.", param="enabled_events")
    if unknown := [name for name in events if name not in _known("enabled_events")]:
        message = f"Invalid enabled_events: must be one of the known events; {unknown[0]} is none."
        raise RefusedError(message, param="enabled_events")
    if "*" in events and len(events) > 1:
        raise RefusedError("Cannot combine '*' with other events.", param="enabled_events")


@cache
def _known(parameter: str) -> frozenset[str]:
    return frozenset(_literals(WebhookEndpointCreateParams.__annotations__[parameter]))


def _literals(hint: Any) -> list[str]:
    inner = typing.get_args(hint)
    return [found for each in inner for found in ([each] if isinstance(each, str) else _literals(each))]
