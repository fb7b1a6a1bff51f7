"""What a sandbox that was killed owes the world when it is back: verdicts, and the events that reached nobody.

An issuer that dies while it waits for our answer declines by itself. Its events come at least once.
"""

from dataclasses import replace

from tests.sandbox.delivery import unsent
from tests.sandbox.journal import Delivery
from tests.sandbox.marqeta.conclusion import Asked, conclude_after_restart
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.scenario import DECISION_EVENTS
from tests.sandbox.stripe import rounds
from tests.sandbox.stripe.events import emit
from tests.sandbox.stripe.render import render
from tests.sandbox.wire import Json

# How a delivery ended of which nobody can know how it would have ended.
CUT_OFF = "the issuer ended before the answer"


def take_up(sandbox: Sandbox) -> None:
    """Brings to its end what was under way, and sends what nobody has taken; call it before anybody is served."""
    waiting = sandbox.outgoing.untold()
    later = sandbox.marqeta.outgoing.untold()
    for authorization in list(sandbox.state.objects["issuing.authorization"].values()):
        _end_round(sandbox, authorization)
    for asked in list(sandbox.marqeta.state.asked.values()):
        conclude_after_restart(sandbox.marqeta, asked, _answer_at_marqeta(sandbox, asked))
    sandbox.outgoing.send_again(waiting)
    sandbox.marqeta.outgoing.send_again(later)


def _end_round(sandbox: Sandbox, authorization: Json) -> None:
    before = render(sandbox.state, authorization)
    is_first = not authorization["request_history"]
    pending = authorization["pending_request"]
    if pending is not None:
        rounds.conclude(sandbox, authorization, pending, _answer_at_stripe(sandbox, authorization))
        if not is_first:
            emit(sandbox, "issuing_authorization.updated", authorization, before=before)
    if not sandbox.outgoing.has_told("issuing_authorization.created", authorization["id"]):
        emit(sandbox, "issuing_authorization.created", authorization)


def _answer_at_stripe(sandbox: Sandbox, authorization: Json) -> Delivery:
    """The answer that was heard, if there was one; else the note that the question was cut off."""
    asked = sandbox.outgoing.last_event(DECISION_EVENTS[0], authorization["id"])
    heard = sandbox.deliveries.find(event_id=asked["id"], scenario=None)
    return heard[0] if heard else sandbox.deliveries.add(unsent(asked, url="", error=CUT_OFF))


def _answer_at_marqeta(sandbox: Sandbox, asked: Asked) -> Delivery:
    token = asked.thing["gpa_order"]["jit_funding"]["token"]
    heard = sandbox.deliveries.find(event_id=token, scenario=None)
    blank = replace(sandbox.marqeta.gateway.blank(asked.thing, url=""), error=CUT_OFF)
    return heard[0] if heard else sandbox.deliveries.add(blank)
