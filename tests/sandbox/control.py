"""The control door: `/_sandbox/…`, where a test or a person tells the sandbox how to behave and asks what it saw."""

import json
from collections.abc import Callable
from urllib.parse import parse_qsl

from tests.sandbox.marqeta.conduct import Conduct
from tests.sandbox.memory import write_memory
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.scenario import ScenarioError
from tests.sandbox.wire import Answer, Call, Json

PREFIX = "/_sandbox/"

# What the journals may be searched by.
_REQUEST_FILTERS = ("method", "path", "idempotency_key", "request_id")
_DELIVERY_FILTERS = ("event_id", "event_type", "object_id")


def answer_control(sandbox: Sandbox, call: Call) -> Answer:
    """Carry out one order of the control door; a wrong one gets a sentence that says what is allowed."""
    try:
        return Answer.of(200, _carry_out(sandbox, call))
    except ScenarioError as error:
        return Answer.of(400, {"error": str(error)})
    except LookupError as error:
        return Answer.of(404, {"error": str(error.args[0])})


def _carry_out(sandbox: Sandbox, call: Call) -> Json:
    steps = call.path.removeprefix(PREFIX).strip("/").split("/")
    if call.method == "POST" and steps[0] == "deliveries" and steps[2:] == ["resend"]:
        return _resend(sandbox, steps[1])
    deed = _DEEDS.get((call.method, "/".join(steps)))
    if deed is None:
        known = ", ".join(f"{method} {PREFIX}{name}" for method, name in _DEEDS)
        raise LookupError(f"The control door knows {known} and POST {PREFIX}deliveries/(event)/resend.")
    return deed(sandbox, call)


def _order(sandbox: Sandbox, call: Call) -> Json:
    return sandbox.order(**_read_order(call.body)).to_json()


def _list_scenarios(sandbox: Sandbox, _call: Call) -> Json:
    return {"scenarios": sandbox.scenarios.to_json()}


def _clear_scenarios(sandbox: Sandbox, call: Call) -> Json:
    sandbox.scenarios.clear()
    return _release(sandbox, call)


def _release(sandbox: Sandbox, _call: Call) -> Json:
    return {"released": sandbox.release()}


def _reset(sandbox: Sandbox, _call: Call) -> Json:
    sandbox.reset()
    return {"reset": True}


def _freeze(sandbox: Sandbox, _call: Call) -> Json:
    if sandbox.settings.memory is None:
        raise ScenarioError("This sandbox was started without --memory, so it has nowhere to write what it knows.")
    write_memory(sandbox, sandbox.settings.memory)
    return {"frozen": True}


def _list_requests(sandbox: Sandbox, call: Call) -> Json:
    return {"requests": sandbox.requests.to_json(**_filters(call.query, _REQUEST_FILTERS))}


def _list_deliveries(sandbox: Sandbox, call: Call) -> Json:
    return {"deliveries": sandbox.deliveries.to_json(**_filters(call.query, _DELIVERY_FILTERS))}


def _set_limits(sandbox: Sandbox, call: Call) -> Json:
    given = _read_order(call.body)
    names = {f"{issuer}_per_second": issuer for issuer in sandbox.limits}
    for name, value in given.items():
        if name not in names or not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ScenarioError(f"Limits are {', '.join(names)}: whole numbers from 0, which is no limit.")
    for name, value in given.items():
        sandbox.limits[names[name]].set(value)
    return _list_limits(sandbox, call)


def _list_limits(sandbox: Sandbox, _call: Call) -> Json:
    return {"limits": {issuer: limit.to_json() for issuer, limit in sandbox.limits.items()}}


def _set_conduct(sandbox: Sandbox, call: Call) -> Json:
    try:
        sandbox.marqeta.conduct = Conduct.read(_read_order(call.body))
    except ValueError as error:
        raise ScenarioError(str(error)) from None
    return sandbox.marqeta.conduct.to_json()


def _show_conduct(sandbox: Sandbox, _call: Call) -> Json:
    return sandbox.marqeta.conduct.to_json()


def _set_weather(sandbox: Sandbox, call: Call) -> Json:
    sandbox.scenarios.weather.read(_read_order(call.body))
    return _show_weather(sandbox, call)


def _show_weather(sandbox: Sandbox, _call: Call) -> Json:
    counted = {"requests": sandbox.requests.added, "deliveries": sandbox.deliveries.added}
    return {**sandbox.scenarios.weather.to_json(), **counted}


_DEEDS: dict[tuple[str, str], Callable[[Sandbox, Call], Json]] = {
    ("POST", "scenarios"): _order,
    ("GET", "scenarios"): _list_scenarios,
    ("DELETE", "scenarios"): _clear_scenarios,
    ("POST", "release"): _release,
    ("POST", "reset"): _reset,
    ("POST", "freeze"): _freeze,
    ("GET", "requests"): _list_requests,
    ("GET", "deliveries"): _list_deliveries,
    ("POST", "limits"): _set_limits,
    ("GET", "limits"): _list_limits,
    ("POST", "marqeta"): _set_conduct,
    ("GET", "marqeta"): _show_conduct,
    ("POST", "weather"): _set_weather,
    ("GET", "weather"): _show_weather,
}


def _resend(sandbox: Sandbox, event_id: str) -> Json:
    if not sandbox.resend(event_id):
        raise LookupError(f"No such event: {event_id}")
    return {"resent": event_id}


def _read_order(body: str) -> Json:
    try:
        order = json.loads(body)
    except ValueError:
        raise ScenarioError("An order comes as a JSON object.") from None
    if not isinstance(order, dict):
        raise ScenarioError("An order comes as a JSON object.")
    return order


def _filters(query: str, allowed: tuple[str, ...]) -> dict[str, object]:
    given = dict(parse_qsl(query))
    unknown = sorted(set(given) - set(allowed))
    if unknown:
        raise ScenarioError(f"Unknown filter {', '.join(unknown)}: you may use {', '.join(allowed)}.")
    return dict(given)
