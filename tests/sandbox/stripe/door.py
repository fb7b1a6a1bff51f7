"""The way of one call through the API: faults going in, key, address, parameters, the deed, faults going out."""

import base64
import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import replace

from tests.sandbox.forms import FormError, parse_form
from tests.sandbox.journal import Received
from tests.sandbox.multipart import TYPE as UPLOAD
from tests.sandbox.multipart import parse_multipart
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.scenario import CHARGE_DEEDS
from tests.sandbox.stripe.command import Command, Endpoint
from tests.sandbox.stripe.errors import ApiError, RefusedError, too_many_requests
from tests.sandbox.stripe.faults import fault_after, fault_before, fault_during
from tests.sandbox.stripe.urls import find_endpoint
from tests.sandbox.wire import Answer, Call, Json, new_id

log = logging.getLogger("tests.sandbox")

_NETWORK = "/v1/test_helpers/"


def answer_call(sandbox: Sandbox, call: Call) -> tuple[Answer, Received]:
    """Answer one call to the API and enter it in the journal; raises HangUpError where a scenario says so."""
    entry = sandbox.requests.add(
        Received(
            method=call.method,
            path=call.path,
            form={},
            idempotency_key=call.headers.get("idempotency-key"),
            request_id=new_id("req"),
        )
    )
    try:
        entry.form = _read_form(call)
        _count(sandbox, call)
        answer = fault_before(sandbox, call, entry) or _carry_out(sandbox, call, entry)
    except FormError as error:
        answer = RefusedError(str(error)).to_answer()
    except ApiError as error:
        answer = error.to_answer()
    sandbox.requests.change(entry, status=answer.status)
    return fault_after(sandbox, call, entry, _with_headers(sandbox, call, entry, answer)), entry


def _read_form(call: Call) -> Json:
    content_type = call.headers.get("content-type", "")
    if call.method == "POST" and content_type.startswith(UPLOAD):
        return parse_multipart(content_type, call.body)
    return parse_form(call.body if call.method == "POST" else call.query)


def _count(sandbox: Sandbox, call: Call) -> None:
    # The test helpers play the card network, which no rate limit of the API holds back.
    if not call.path.startswith(_NETWORK) and not sandbox.limits["stripe"].take():
        raise too_many_requests()


def _carry_out(sandbox: Sandbox, call: Call, entry: Received) -> Answer:
    _authenticate(sandbox, call)
    endpoint, thing_id = find_endpoint(call.method, call.path)
    params = endpoint.read(entry.form)
    version = call.headers.get("stripe-version", "")
    command = Command(params, thing_id, entry.request_id or "", entry.idempotency_key, version=version)

    def run() -> Answer:
        return _run(sandbox, call, entry, endpoint, command)

    if call.method != "POST" or not entry.idempotency_key:
        return run()
    return _once(sandbox, call, entry, entry.idempotency_key, run)


def _once(sandbox: Sandbox, call: Call, entry: Received, key: str, run: Callable[[], Answer]) -> Answer:
    # The card network's calls wait for our own answer, so nothing waits for them.
    if call.path.startswith(_NETWORK):
        return _claimed(sandbox, call, entry, key, run)
    with sandbox.keyed_calls.one():
        return _claimed(sandbox, call, entry, key, run)


def _claimed(sandbox: Sandbox, call: Call, entry: Received, key: str, run: Callable[[], Answer]) -> Answer:
    keys = sandbox.idempotency
    replay = keys.claim(key, fingerprint=_fingerprint(call, entry.form), request_id=entry.request_id or "")
    if replay:
        entry.replayed = True
        headers = {"Idempotent-Replayed": "true", "Original-Request": replay.request_id}
        return Answer(replay.answer.status, replay.answer.body, {**replay.answer.headers, **headers})
    try:
        answer = run()
    except ApiError:
        # Only here: a call that was turned away before anything was done leaves its key free.
        keys.forget(key)
        raise
    keys.store(key, answer)
    return answer


def _run(sandbox: Sandbox, call: Call, entry: Received, endpoint: Endpoint, command: Command) -> Answer:
    try:
        order = fault_during(sandbox, call, entry)
        forced = order if order and order.do in CHARGE_DEEDS else None
        done = endpoint.run(sandbox, replace(command, forced=forced))
    except RefusedError:
        raise
    except ApiError as error:
        return error.to_answer()
    except Exception:
        log.exception("The sandbox failed at %s %s.", call.method, call.path)
        return ApiError("The sandbox itself failed; its log says why.", status=500, kind="api_error").to_answer()
    return Answer.of(200, done)


def _authenticate(sandbox: Sandbox, call: Call) -> None:
    scheme, _, given = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        # Stripe takes the key as the user name, with an empty password.
        given = _user_name(given)
    if not given:
        raise RefusedError("You did not provide an API key.", status=401)
    if given != sandbox.settings.api_key:
        raise RefusedError(f"Invalid API Key provided: ***{given[-4:]}", status=401)


def _user_name(encoded: str) -> str:
    try:
        return base64.b64decode(encoded).decode().partition(":")[0]
    except ValueError:
        return ""


def _fingerprint(call: Call, form: Json) -> str:
    text = json.dumps([call.method, call.path, form], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _with_headers(sandbox: Sandbox, call: Call, entry: Received, answer: Answer) -> Answer:
    version = call.headers.get("stripe-version", sandbox.settings.api_version)
    ours = {"Request-Id": entry.request_id or "", "Stripe-Version": version}
    if entry.idempotency_key:
        ours["Idempotency-Key"] = entry.idempotency_key
    return Answer(answer.status, answer.body, {**answer.headers, **ours})
