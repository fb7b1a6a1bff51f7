"""Webhooks that come twice, late, never, in the wrong order or all at once."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.sandbox.running import RunningSandbox
from tests.sandbox.scenario import ScenarioError
from tests.sandbox.tests.receiver import Receiver, approve

pytestmark = pytest.mark.only_in_proofs

CREATED = "issuing_authorization.created"
REQUEST = "issuing_authorization.request"


def test_duplicate_repeats_the_same_event_with_a_fresh_signature(
    sandbox: RunningSandbox, receiver: Receiver, purchase: Callable[..., Any]
) -> None:
    sandbox.order(webhook=CREATED, do="duplicate")
    purchase()
    first, second = receiver.wait_for(CREATED, 2)
    assert first == second
    assert [entry.scenario for entry in sandbox.deliveries.wait_for(count=2, event_type=CREATED)] == [None, "duplicate"]


def test_duplicate_request_is_asked_once_more(
    sandbox: RunningSandbox, receiver: Receiver, purchase: Callable[..., Any]
) -> None:
    sandbox.order(webhook=REQUEST, do="duplicate")
    assert purchase().approved
    first, second = receiver.wait_for(REQUEST, 2)
    assert first == second


def test_concurrent_copies_arrive_together(
    sandbox: RunningSandbox, receiver: Receiver, purchase: Callable[..., Any]
) -> None:
    together = threading.Barrier(20)

    def meet(_event: dict[str, Any]) -> Any:
        together.wait(5)
        return approve()

    receiver.decide = meet
    sandbox.order(webhook=REQUEST, do="concurrent", copies=20)
    authorization = purchase()
    assert authorization.approved
    assert len(authorization.request_history) == 1
    assert len({event["id"] for event in receiver.wait_for(REQUEST, 20)}) == 1
    sandbox.deliveries.wait_for(count=20, event_type=REQUEST, scenario="concurrent")


def test_concurrent_ordinary_event(sandbox: RunningSandbox, receiver: Receiver, charge: Callable[..., Any]) -> None:
    sandbox.order(webhook="payment_intent.*", do="concurrent", copies=5)
    charge()
    assert len({event["id"] for event in receiver.wait_for("payment_intent.succeeded", 5)}) == 1


def test_out_of_order_waits_for_the_next_event(
    sandbox: RunningSandbox, receiver: Receiver, purchase: Callable[..., Any], client: stripe.StripeClient
) -> None:
    sandbox.order(webhook=CREATED, do="out_of_order")
    authorization = purchase()
    time.sleep(0.1)
    assert receiver.of_type(CREATED) == []
    client.v1.test_helpers.issuing.authorizations.reverse(authorization.id)
    receiver.wait_for(CREATED)
    types = [event["type"] for event in receiver.events]
    assert types.index("issuing_authorization.updated") < types.index(CREATED)


def test_release_sends_what_was_kept_back(
    sandbox: RunningSandbox, receiver: Receiver, purchase: Callable[..., Any]
) -> None:
    sandbox.order(webhook=CREATED, do="out_of_order")
    purchase()
    assert sandbox.release() == 1
    receiver.wait_for(CREATED)


def test_dropped_event_never_comes_and_can_be_resent(
    sandbox: RunningSandbox, receiver: Receiver, purchase: Callable[..., Any]
) -> None:
    sandbox.order(webhook=CREATED, do="drop")
    authorization = purchase()
    dropped = sandbox.deliveries.wait_for(event_type=CREATED)[0]
    assert (dropped.status, dropped.object_id) == (None, authorization.id)
    assert receiver.of_type(CREATED) == []
    assert sandbox.sandbox.outgoing.resend(dropped.event_id)
    assert receiver.wait_for(CREATED)[0]["id"] == dropped.event_id


def test_delayed_event_comes_late(sandbox: RunningSandbox, receiver: Receiver, purchase: Callable[..., Any]) -> None:
    sandbox.order(webhook=CREATED, do="delay", delay_s=0.3)
    started = time.perf_counter()
    purchase()
    receiver.wait_for(CREATED)
    assert time.perf_counter() - started >= 0.3


def test_dropped_request_times_out(sandbox: RunningSandbox, receiver: Receiver, purchase: Callable[..., Any]) -> None:
    sandbox.order(webhook=REQUEST, do="drop")
    authorization = purchase()
    assert (authorization.approved, authorization.request_history[0].reason) == (False, "webhook_timeout")
    assert receiver.of_type(REQUEST) == []


def test_request_that_arrives_after_the_limit(
    sandbox: RunningSandbox, receiver: Receiver, purchase: Callable[..., Any]
) -> None:
    sandbox.order(webhook=REQUEST, do="delay", delay_s=0.8)
    authorization = purchase()
    assert authorization.request_history[0].reason == "webhook_timeout"
    receiver.wait_for(REQUEST)


def test_star_leaves_decision_requests_alone(
    sandbox: RunningSandbox, receiver: Receiver, purchase: Callable[..., Any]
) -> None:
    sandbox.order(webhook="*", do="drop", times=None)
    assert purchase().approved
    sandbox.deliveries.wait_for(event_type=CREATED, scenario="drop")
    assert [event["type"] for event in receiver.events] == [REQUEST]


def test_failed_delivery_is_tried_again(
    sandbox: RunningSandbox, receiver: Receiver, purchase: Callable[..., Any]
) -> None:
    answers = iter([(500, {}, b""), (302, {"Location": "/elsewhere"}, b"")])
    receiver.acknowledge = lambda _event: next(answers, (200, {}, b""))
    purchase()
    attempts = sandbox.deliveries.wait_for(count=3, event_type=CREATED)
    assert [(entry.attempt, entry.status) for entry in attempts] == [(1, 500), (2, 302), (3, 200)]
    assert len({event["id"] for event in receiver.of_type(CREATED)}) == 1


def test_retries_end(sandbox: RunningSandbox, receiver: Receiver, purchase: Callable[..., Any]) -> None:
    receiver.acknowledge = lambda _event: (500, {}, b"")
    purchase()
    sandbox.deliveries.wait_for(count=6, event_type=CREATED)
    time.sleep(0.3)
    assert len(sandbox.deliveries.find(event_type=CREATED)) == 6


def test_alter_changes_what_is_sent_and_nothing_else(
    sandbox: RunningSandbox, receiver: Receiver, purchase: Callable[..., Any]
) -> None:
    sandbox.order(webhook=REQUEST, do="alter", changes={"livemode": True, "data": {"object": {"card": {"id": "ic_x"}}}})
    sandbox.order(webhook=CREATED, do="alter", changes={"account": "acct_x"})

    authorization = purchase()

    (asked,), (told,) = receiver.wait_for(REQUEST, 1), receiver.wait_for(CREATED, 1)
    assert (asked["livemode"], asked["data"]["object"]["card"]["id"], told["account"]) == (True, "ic_x", "acct_x")
    assert authorization.card.id != "ic_x"
    assert asked["data"]["object"]["card"]["last4"] == authorization.card.last4


def test_ask_again_asks_the_same_under_other_ids(
    sandbox: RunningSandbox, receiver: Receiver, purchase: Callable[..., Any]
) -> None:
    sandbox.order(webhook=REQUEST, do="ask_again", copies=5)
    assert purchase().approved
    asked = receiver.wait_for(REQUEST, 5)
    assert len({event["id"] for event in asked}) == 5
    assert len({str(event["data"]) for event in asked}) == 1


@pytest.mark.parametrize(
    "order",
    [
        {"webhook": CREATED, "do": "alter"},
        {"webhook": CREATED, "do": "alter", "changes": 7},
        {"webhook": CREATED, "do": "drop", "changes": {"id": "evt_x"}},
        {"webhook": CREATED, "do": "ask_again"},
    ],
)
def test_an_order_that_makes_no_sense_is_refused(sandbox: RunningSandbox, order: dict[str, Any]) -> None:
    with pytest.raises(ScenarioError):
        sandbox.order(**order)
