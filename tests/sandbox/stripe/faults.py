"""What a scenario does to a call: before it is heard, while it is carried out, or to its answer."""

from tests.sandbox.faults import retry_after, spoil_answer, stopped_on_the_way, take
from tests.sandbox.journal import Received
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.scenario import AFTER, BEFORE, DURING, Scenario
from tests.sandbox.stripe.errors import ApiError, RefusedError, too_many_requests
from tests.sandbox.wire import Answer, Call


def fault_before(sandbox: Sandbox, call: Call, entry: Received) -> Answer | None:
    """Keep a call from ever being heard: nothing is done and no idempotency key is used."""
    order = _take(sandbox, call, entry, BEFORE)
    if order and order.do == "unauthorized":
        raise RefusedError("Invalid API Key provided.", status=401)
    if order and order.do == "rate_limit":
        raise too_many_requests(headers=retry_after(order))
    return stopped_on_the_way(order)


def fault_during(sandbox: Sandbox, call: Call, entry: Received) -> Scenario | None:
    """Make the API slow or broken, or hand back what shall become of a charge; its key is in use meanwhile."""
    order = _take(sandbox, call, entry, DURING)
    if order and order.do == "delay":
        sandbox.outgoing.workers.stopping.wait(order.delay_s)
    if order and order.do == "error_500":
        raise ApiError("An unknown error occurred.", status=500, kind="api_error")
    if order and order.do == "refuse":
        raise _refusal(order)
    return order


def _refusal(order: Scenario) -> ApiError:
    """A refusal in the order's words: a 400, 402 or 404 is stored for its key as Stripe does, the others are not."""
    kind = ApiError if order.error_status in (400, 402, 404) else RefusedError
    return kind(
        order.error_message,
        status=order.error_status,
        kind=order.error_type,
        code=order.error_code or None,
        param=order.error_param or None,
    )


def fault_after(sandbox: Sandbox, call: Call, entry: Received, answer: Answer) -> Answer:
    """Lose, hold back or mangle the answer of a call that was carried out and stored."""
    return spoil_answer(_take(sandbox, call, entry, AFTER), sandbox.gate, answer)


def _take(sandbox: Sandbox, call: Call, entry: Received, stage: tuple[str, ...]) -> Scenario | None:
    payment_method = _payment_method(sandbox, call, entry)
    return take(sandbox.scenarios, call, entry, stage, payment_method=payment_method)


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
