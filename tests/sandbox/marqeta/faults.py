"""What a scenario does to a call, in Marqeta's words."""

from tests.sandbox.faults import retry_after, spoil_answer, stopped_on_the_way, take
from tests.sandbox.journal import Received
from tests.sandbox.marqeta.errors import ApiError, not_authorized, too_many_requests
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.scenario import AFTER, BEFORE, DURING
from tests.sandbox.wire import Answer, Call


def fault_before(sandbox: Sandbox, call: Call, entry: Received) -> Answer | None:
    """Keep a call from ever being heard; raises ApiError where the API itself turns it away."""
    order = take(sandbox.scenarios, call, entry, BEFORE)
    if order and order.do == "unauthorized":
        raise not_authorized()
    if order and order.do == "rate_limit":
        raise too_many_requests(headers=retry_after(order))
    return stopped_on_the_way(order)


def fault_during(sandbox: Sandbox, call: Call, entry: Received) -> None:
    """Make the API slow, or let it break before anything is done; raises ApiError."""
    order = take(sandbox.scenarios, call, entry, DURING)
    if order and order.do == "delay":
        sandbox.outgoing.workers.stopping.wait(order.delay_s)
    if order and order.do == "error_500":
        raise ApiError("Internal server error.", status=500)


def fault_after(sandbox: Sandbox, call: Call, entry: Received, answer: Answer) -> Answer:
    """Lose, hold back or mangle the answer of a call that was carried out."""
    return spoil_answer(take(sandbox.scenarios, call, entry, AFTER), sandbox.gate, answer)
