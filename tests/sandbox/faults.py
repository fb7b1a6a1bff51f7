"""The part of misbehaving that is the same whoever the issuer is: silence, a page of a gateway, a mangled answer."""

from dataclasses import replace

from tests.sandbox.journal import Received
from tests.sandbox.release_gate import Gate
from tests.sandbox.scenario import Scenario
from tests.sandbox.scenarios import Scenarios
from tests.sandbox.wire import Answer, Call, HangUpError

_GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


def take(
    scenarios: Scenarios, call: Call, entry: Received, stage: tuple[str, ...], *, payment_method: str | None = None
) -> Scenario | None:
    """Use up one turn of the first scenario of this stage that fits the call, and note it in the journal.

    A call that was under way when all were cleared meets none of those that came later.
    """
    if call.clearings != scenarios.clearings:
        return None
    order = scenarios.take_for_request(stage=stage, method=call.method, path=call.path, payment_method=payment_method)
    if order:
        entry.scenarios.append(order.do)
    return order


def stopped_on_the_way(order: Scenario | None) -> Answer | None:
    """Answer as a gateway in front of the issuer; raises HangUpError where the request is lost."""
    match order.do if order else None:
        case "drop_request":
            raise HangUpError
        case "html_error":
            return Answer(502, _GATEWAY_PAGE, {"Content-Type": "text/html"})
    return None


def retry_after(order: Scenario) -> dict[str, str]:
    """Make the header that tells when to come back, if the scenario wants one."""
    return {} if order.retry_after_s is None else {"Retry-After": f"{order.retry_after_s:g}"}


def spoil_answer(order: Scenario | None, gate: Gate, answer: Answer) -> Answer:
    """Hold back or mangle an answer; raises HangUpError where it is lost."""
    match order.do if order else None:
        case "drop_answer":
            raise HangUpError
        case "hold_answer":
            gate.wait()
        case "malformed_json":
            return replace(answer, body=answer.body[: len(answer.body) // 2])
    return answer
