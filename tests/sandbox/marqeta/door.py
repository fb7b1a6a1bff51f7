"""The way of one call through the API: faults going in, credentials, address, body, the deed, faults going out."""

import base64
import hmac
import json
import logging
from decimal import Decimal
from urllib.parse import parse_qsl

from tests.sandbox.journal import Received
from tests.sandbox.marqeta.cards import redeem_access_token
from tests.sandbox.marqeta.command import Command
from tests.sandbox.marqeta.errors import ApiError, not_authorized, too_many_requests
from tests.sandbox.marqeta.faults import fault_after, fault_before, fault_during
from tests.sandbox.marqeta.urls import PREFIX, find_endpoint
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.wire import Answer, Call, Json

log = logging.getLogger("tests.sandbox")

# The card network's traffic, which is no part of the program's budget.
_UNLIMITED = (f"{PREFIX}simulate/", f"{PREFIX}simulations/")


def answer_call(sandbox: Sandbox, call: Call) -> tuple[Answer, Received]:
    """Answer one call to the API and enter it in the journal; raises HangUpError where a scenario says so."""
    entry = sandbox.requests.add(Received(method=call.method, path=call.path, form={}))
    try:
        _count(sandbox, call)
        answer = fault_before(sandbox, call, entry) or _carry_out(sandbox, call, entry)
    except ApiError as error:
        answer = error.to_answer()
    sandbox.requests.change(entry, status=answer.status)
    return fault_after(sandbox, call, entry, answer), entry


def _count(sandbox: Sandbox, call: Call) -> None:
    if not call.path.startswith(_UNLIMITED) and not sandbox.limits["marqeta"].take():
        raise too_many_requests()


def _carry_out(sandbox: Sandbox, call: Call, entry: Received) -> Answer:
    _authenticate(sandbox, call)
    endpoint, place = find_endpoint(call.method, call.path)
    body = _read_body(call)
    entry.form = body
    entry.idempotency_key = body.get("token") if isinstance(body.get("token"), str) else None
    command = Command(endpoint.read(body), dict(parse_qsl(call.query)), place)
    fault_during(sandbox, call, entry)
    try:
        return Answer.of(endpoint.status, endpoint.run(sandbox.marqeta, command))
    except ApiError:
        raise
    except Exception:
        log.exception("The sandbox failed at %s %s.", call.method, call.path)
        raise ApiError("The sandbox itself failed; its log says why.", status=500) from None


def _read_body(call: Call) -> Json:
    if call.method == "GET" or not call.body:
        return {}
    try:
        body = json.loads(call.body, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ApiError("The body is not JSON.", detail=20) from None
    if not isinstance(body, dict):
        raise ApiError("The body is not a JSON object.", detail=20)
    return body


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON.")


def _authenticate(sandbox: Sandbox, call: Call) -> None:
    application, access = _credentials(call.headers.get("authorization", ""))
    settings = sandbox.marqeta.settings
    if not hmac.compare_digest(application.encode(), settings.application_token.encode()):
        raise not_authorized()
    if hmac.compare_digest(access.encode(), settings.admin_access_token.encode()):
        return
    if not _may_reveal(sandbox, call, access):
        raise not_authorized()


def _may_reveal(sandbox: Sandbox, call: Call, access: str) -> bool:
    # A client access token takes the admin's place for one thing: to show the number of its card, once.
    start, _, end = call.path.removeprefix(f"{PREFIX}cards/").partition("/")
    is_reveal = call.method == "GET" and call.path.startswith(f"{PREFIX}cards/") and end == "showpan"
    return is_reveal and redeem_access_token(sandbox.marqeta.state, access_token=access, card_token=start)


def _credentials(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        application, _, access = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return application, access
