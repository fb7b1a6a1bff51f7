"""The same key is the same charge: replays, conflicts and races."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.sandbox.running import RunningSandbox
from tests.sandbox.tests.conftest import CUSTOMER
from tests.sandbox.tests.receiver import Receiver

pytestmark = pytest.mark.only_in_proofs


def count_intents(client: stripe.StripeClient) -> int:
    return len(client.v1.payment_intents.list({"limit": 100}).data)


def test_same_key_replays_the_first_answer(
    sandbox: RunningSandbox, client: stripe.StripeClient, charge: Callable[..., Any], receiver: Receiver
) -> None:
    first, again = charge(key="k"), charge(key="k")
    assert again.id == first.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert again.last_response.body == first.last_response.body
    assert again.last_response.headers["Original-Request"] == first.last_response.headers["Request-Id"]
    assert count_intents(client) == 1
    receiver.wait_for("payment_intent.succeeded")
    assert [entry.replayed for entry in sandbox.requests.find(method="POST")] == [False, True]


def test_decline_is_stored_too(charge: Callable[..., Any], sandbox: RunningSandbox) -> None:
    sandbox.order(path="/v1/payment_intents", do="decline", decline_code="insufficient_funds")
    for _ in range(2):
        with pytest.raises(stripe.CardError) as caught:
            charge(key="declined")
        assert caught.value.error.decline_code == "insufficient_funds"
    assert len(sandbox.state.objects["payment_intent"]) == 1


def test_a_500_comes_back_again(charge: Callable[..., Any], sandbox: RunningSandbox) -> None:
    sandbox.order(path="/v1/payment_intents", do="error_500")
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            charge(key="broken")
    assert charge(key="other").status == "succeeded"


@pytest.mark.parametrize("change", [{"amount": 4501}, {"metadata": {"a": "b"}}])
def test_same_key_with_other_parameters_is_an_error(charge: Callable[..., Any], change: dict[str, Any]) -> None:
    charge(key="k")
    with pytest.raises(stripe.IdempotencyError) as caught:
        charge(key="k", **change)
    assert caught.value.http_status == 400


def test_same_key_on_another_path_is_an_error(client: stripe.StripeClient, charge: Callable[..., Any]) -> None:
    charge(key="k")
    with pytest.raises(stripe.IdempotencyError):
        client.v1.customers.create({"name": "Other"}, {"idempotency_key": "k"})


@pytest.mark.parametrize("bad", [{"amount": 49}, {"colour": "red"}, {"amount": "many"}])
def test_a_refused_request_leaves_the_key_free(charge: Callable[..., Any], bad: dict[str, Any]) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        charge(key="k", **bad)
    assert charge(key="k").status == "succeeded"


def test_rate_limited_request_leaves_the_key_free(charge: Callable[..., Any], sandbox: RunningSandbox) -> None:
    sandbox.order(path="/v1/payment_intents", do="rate_limit")
    with pytest.raises(stripe.RateLimitError):
        charge(key="k")
    assert charge(key="k").status == "succeeded"


def test_key_in_flight_is_a_conflict(charge: Callable[..., Any], sandbox: RunningSandbox) -> None:
    sandbox.order(path="/v1/payment_intents", do="delay", delay_s=0.5)
    first: list[Any] = []
    slow = threading.Thread(target=lambda: first.append(charge(key="k")))
    slow.start()
    sandbox.requests.wait_for(method="POST")
    with pytest.raises(stripe.APIError) as caught:
        charge(key="k")
    slow.join()
    assert (caught.value.http_status, caught.value.error.code) == (409, "idempotency_key_in_use")
    assert charge(key="k").id == first[0].id


def test_twenty_at_once_make_one_charge(
    client: stripe.StripeClient, charge: Callable[..., Any], receiver: Receiver
) -> None:
    start, outcomes = threading.Barrier(20), []

    def attempt() -> None:
        start.wait()
        try:
            outcomes.append(charge(key="race").id)
        except stripe.APIError as error:
            outcomes.append(error.error.code)

    threads = [threading.Thread(target=attempt) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    intents = client.v1.payment_intents.list({"customer": CUSTOMER}).data
    assert len(outcomes) == 20
    assert set(outcomes) - {"idempotency_key_in_use"} == {intents[0].id}
    assert len(intents) == 1
    assert len(receiver.wait_for("payment_intent.succeeded")) == 1


def test_long_key_is_refused(charge: Callable[..., Any]) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        charge(key="k" * 256)
    assert charge(key="k" * 255).status == "succeeded"
