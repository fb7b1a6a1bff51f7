"""What a scenario does to a call: before it is heard, while it is carried out, or to its answer."""

from dataclasses import replace

from onecard.sandbox.journal import Received
from onecard.sandbox.like_stripe.errors import ApiError, RefusedError
from onecard.sandbox.sandbox import Sandbox
from onecard.sandbox.scenario import AFTER, BEFORE, DURING, Scenario
from onecard.sandbox.wire import Answer, Call, HangUpError

_GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


def fault_before(sandbox: Sandbox, call: Call, entry: Received) -> Answer | None:
    """Keep a call from ever being heard: nothing is done and no idempotency key is used."""
    order = _take(sandbox, call, entry, BEFORE)
    match order.do if order else None:
        case "drop_request":
            raise HangUpError
        case "html_error":
            return Answer(502, _GATEWAY_PAGE, {"Content-Type": "text/html"})
        case "unauthorized":
            raise RefusedError("Invalid API Key provided.", status=401)
        case "rate_limit":
            after_s = order.retry_after_s if order else None
            headers = {} if after_s is None else {"Retry-After": f"{after_s:g}"}
            raise RefusedError("Too many requests in too short a time.", status=429, code="rate_limit", headers=headers)
    return None


def fault_during(sandbox: Sandbox, call: Call, entry: Received) -> Scenario | None:
    """Make the API slow or broken, or hand back what shall become of a charge; its key is in use meanwhile."""
    order = _take(sandbox, call, entry, DURING)
    if order and order.do == "delay":
        sandbox.outgoing.workers.stopping.wait(order.delay_s)
    if order and order.do == "error_500":
        raise ApiError("An unknown error occurred.", status=500, kind="api_error")
    return order


def fault_after(sandbox: Sandbox, call: Call, entry: Received, answer: Answer) -> Answer:
    """Lose, hold back or mangle the answer of a call that was carried out and stored."""
    order = _take(sandbox, call, entry, AFTER)
    match order.do if order else None:
        case "drop_answer":
            raise HangUpError
        case "hold_answer":
            sandbox.gate.wait()
        case "malformed_json":
            return replace(answer, body=answer.body[: len(answer.body) // 2])
    return answer


def _take(sandbox: Sandbox, call: Call, entry: Received, stage: tuple[str, ...]) -> Scenario | None:
    order = sandbox.scenarios.take_for_request(
        stage=stage, method=call.method, path=call.path, payment_method=_payment_method(sandbox, call, entry)
    )
    if order:
        entry.scenarios.append(order.do)
    return order


def _payment_method(sandbox: Sandbox, call: Call, entry: Received) -> str | None:
    given = entry.form.get("payment_method")
    if isinstance(given, str):
        return given
    # A later call names only the intent: look where it leads.
    parts = call.path.split("/")
    if parts[:3] != ["", "v1", "payment_intents"] or len(parts) < 4:
        return None
    intent = sandbox.state.objects["payment_intent"].get(parts[3])
    return intent["payment_method"] if intent else None
