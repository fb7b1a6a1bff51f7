"""Every way a call can go wrong, as the real client sees it, and what was done all the same."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.sandbox.running import RunningSandbox
from tests.sandbox.scenario import ScenarioError
from tests.sandbox.tests.conftest import CITI, make_client
from tests.sandbox.tests.receiver import Receiver

pytestmark = pytest.mark.only_in_proofs

PATH = "/v1/payment_intents"


def made(sandbox: RunningSandbox) -> int:
    return len(sandbox.state.objects["payment_intent"])


@pytest.mark.parametrize(
    ("do", "error", "done"),
    [
        ("rate_limit", stripe.RateLimitError, 0),
        ("unauthorized", stripe.AuthenticationError, 0),
        ("html_error", stripe.APIError, 0),
        ("drop_request", stripe.APIConnectionError, 0),
        ("error_500", stripe.APIError, 0),
        ("malformed_json", stripe.APIError, 1),
        ("drop_answer", stripe.APIConnectionError, 1),
    ],
)
def test_one_call_fails_and_the_next_with_the_same_key_works(
    sandbox: RunningSandbox, charge: Callable[..., Any], do: str, error: type[Exception], done: int
) -> None:
    sandbox.order(path=PATH, do=do)
    with pytest.raises(error):
        charge(key="k")
    assert made(sandbox) == done
    if do == "error_500":
        return
    assert charge(key="k").status == "succeeded"
    assert made(sandbox) == 1


def test_drop_answer_still_sends_the_event(
    sandbox: RunningSandbox, charge: Callable[..., Any], receiver: Receiver
) -> None:
    sandbox.order(path=PATH, do="drop_answer")
    with pytest.raises(stripe.APIConnectionError):
        charge(key="k")
    event = receiver.wait_for("payment_intent.succeeded")[0]
    assert event["request"]["idempotency_key"] == "k"
    dropped = sandbox.requests.find(path=PATH)[0]
    assert (dropped.status, dropped.answered, dropped.scenarios) == (200, False, ["drop_answer"])
    assert charge(key="k").id == event["data"]["object"]["id"]


def test_client_that_retries_gets_through_a_dropped_answer(sandbox: RunningSandbox, charge: Callable[..., Any]) -> None:
    sandbox.order(path=PATH, do="drop_answer")
    patient = make_client(sandbox, max_network_retries=2)
    assert charge(on=patient).status == "succeeded"
    assert made(sandbox) == 1


def test_rate_limit_tells_when_to_come_back(sandbox: RunningSandbox, charge: Callable[..., Any]) -> None:
    sandbox.order(path=PATH, do="rate_limit", retry_after_s=2)
    with pytest.raises(stripe.RateLimitError) as caught:
        charge()
    assert caught.value.headers["Retry-After"] == "2"
    assert caught.value.error.code == "rate_limit"


def test_delay_outlasts_an_impatient_client(sandbox: RunningSandbox, charge: Callable[..., Any]) -> None:
    sandbox.order(path=PATH, do="delay", delay_s=0.6)
    started = time.perf_counter()
    with pytest.raises(stripe.APIConnectionError):
        charge(key="k", on=make_client(sandbox, timeout_s=0.2))
    assert time.perf_counter() - started < 0.5
    assert made(sandbox) == 0
    sandbox.requests.wait_for(path=PATH, status=200)
    assert charge(key="k").status == "succeeded"
    assert made(sandbox) == 1


def test_a_call_under_way_at_a_reset_meets_no_later_order(sandbox: RunningSandbox, charge: Callable[..., Any]) -> None:
    sandbox.order(path=PATH, do="delay", delay_s=0.5)
    with pytest.raises(stripe.APIConnectionError):
        charge(key="k", on=make_client(sandbox, timeout_s=0.2))
    (under_way,) = sandbox.requests.wait_for(path=PATH)
    sandbox.reset()
    sandbox.order(path=PATH, do="malformed_json")
    until = time.monotonic() + 5
    while under_way.elapsed_ms is None and time.monotonic() < until:
        time.sleep(0.02)
    assert under_way.scenarios == ["delay"]
    with pytest.raises(stripe.APIError):
        charge(key="k")


def test_held_answer_waits_for_release(sandbox: RunningSandbox, charge: Callable[..., Any], receiver: Receiver) -> None:
    sandbox.order(path=PATH, do="hold_answer")
    answers: list[Any] = []
    caller = threading.Thread(target=lambda: answers.append(charge(key="k")))
    caller.start()
    assert sandbox.gate.wait_until_held()
    receiver.wait_for("payment_intent.succeeded")
    assert not answers
    assert charge(key="k").status == "succeeded"
    assert sandbox.release() == 1
    caller.join(5)
    assert answers[0].status == "succeeded"
    assert made(sandbox) == 1


def test_stopping_lets_held_callers_go(sandbox: RunningSandbox, charge: Callable[..., Any]) -> None:
    sandbox.order(path=PATH, do="hold_answer")
    caller = threading.Thread(target=charge, daemon=True)
    caller.start()
    assert sandbox.gate.wait_until_held()
    sandbox.sandbox.stop()
    caller.join(5)
    assert not caller.is_alive()


def test_decline_carries_the_code_and_the_intent(
    sandbox: RunningSandbox, charge: Callable[..., Any], receiver: Receiver
) -> None:
    sandbox.order(path=PATH, do="decline", decline_code="lost_card")
    with pytest.raises(stripe.CardError) as caught:
        charge()
    error = caught.value.error
    assert (caught.value.http_status, error.code, error.decline_code) == (402, "card_declined", "lost_card")
    assert error.advice_code == "do_not_try_again"
    assert error.payment_intent.status == "requires_payment_method"
    failed = receiver.wait_for("payment_intent.payment_failed")[0]["data"]["object"]
    assert failed["id"] == error.payment_intent.id
    assert failed["last_payment_error"]["decline_code"] == "lost_card"


def test_requires_action_is_a_state(sandbox: RunningSandbox, charge: Callable[..., Any], receiver: Receiver) -> None:
    sandbox.order(path=PATH, do="requires_action")
    intent = charge()
    assert intent.status == "requires_action"
    assert intent.next_action.type == "use_stripe_sdk"
    receiver.wait_for("payment_intent.requires_action")


def test_processing_settles_after_a_while(
    sandbox: RunningSandbox, client: stripe.StripeClient, charge: Callable[..., Any], receiver: Receiver
) -> None:
    sandbox.order(path=PATH, do="processing", delay_s=0.2)
    intent = charge()
    assert intent.status == "processing"
    receiver.wait_for("payment_intent.succeeded")
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_filter_by_payment_method_and_times(sandbox: RunningSandbox, charge: Callable[..., Any]) -> None:
    sandbox.order(path=PATH, do="decline", payment_method=CITI, times=2)
    assert charge(payment_method="pm_1SG9flQLFtcEJSwHFoqxTXqT").status == "succeeded"
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            charge()
    assert charge().status == "succeeded"
    assert sandbox.sandbox.scenarios.to_json() == []


def test_filter_finds_the_method_of_a_later_confirm(
    sandbox: RunningSandbox, client: stripe.StripeClient, charge: Callable[..., Any]
) -> None:
    sandbox.order(path="/v1/payment_intents/*/confirm", do="decline", payment_method=CITI, times=None)
    intent = client.v1.payment_intents.create(
        {"amount": 4500, "currency": "usd", "customer": "cus_T3CgWDrN0e0AMe", "payment_method": CITI}
    )
    assert charge().status == "succeeded"
    with pytest.raises(stripe.CardError):
        client.v1.payment_intents.confirm(intent.id)
    assert len(sandbox.sandbox.scenarios.to_json()) == 1


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ({"path": PATH, "do": "explode"}, "drop_answer"),
        ({"webhook": "*", "do": "decline"}, "out_of_order"),
        ({"do": "decline"}, "either"),
        ({"path": PATH, "webhook": "*", "do": "delay"}, "not both"),
        ({"path": PATH, "do": "delay", "colour": "red"}, "colour"),
        ({"path": PATH, "do": "delay", "delay_s": -1}, "seconds"),
        ({"path": PATH, "do": "delay", "delay_s": float("inf")}, "seconds"),
        ({"path": PATH, "do": "delay", "times": 0}, "times"),
        ({"path": PATH, "do": "delay", "times": True}, "times"),
        ({"path": 5, "do": "delay"}, "path"),
        ({"webhook": "*", "do": "concurrent", "copies": 1000}, "copies"),
        ({"path": "/v1/refunds", "do": "decline"}, "payment_intents"),
        ({"webhook": "issuing_authorization.request", "do": "out_of_order"}, "order"),
    ],
)
def test_wrong_order_says_what_is_allowed(sandbox: RunningSandbox, order: dict[str, Any], says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        sandbox.order(**order)
    assert sandbox.sandbox.scenarios.to_json() == []
