"""The control door over HTTP, as another process uses it."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.sandbox.running import RunningSandbox
from tests.sandbox.tests.conftest import CUSTOMER
from tests.sandbox.tests.receiver import Receiver

pytestmark = pytest.mark.only_in_proofs

Door = Callable[..., requests.Response]


@pytest.fixture
def door(sandbox: RunningSandbox) -> Door:
    def call(method: str, path: str, **more: Any) -> requests.Response:
        return requests.request(method, f"{sandbox.url}/_sandbox/{path}", timeout=5, **more)

    return call


def test_scenarios_are_ordered_listed_and_cleared(door: Door) -> None:
    order = {"method": "POST", "path": "/v1/payment_intents", "do": "drop_answer", "times": 2}
    made = door("POST", "scenarios", json=order).json()
    assert {name: made[name] for name in order} == order
    assert door("GET", "scenarios").json()["scenarios"] == [made]
    assert door("DELETE", "scenarios").json() == {"released": 0}
    assert door("GET", "scenarios").json() == {"scenarios": []}


@pytest.mark.parametrize("body", ["", "[]", "{", '{"path": "/v1/refunds", "do": "dance"}'])
def test_wrong_order_is_a_400_with_a_sentence(door: Door, body: str) -> None:
    answer = door("POST", "scenarios", data=body)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


def test_requests_are_listed(door: Door, charge: Callable[..., Any]) -> None:
    charge(key="k", metadata={"a": "b"})
    entry = door("GET", "requests", params={"path": "/v1/payment_intents"}).json()["requests"][0]
    assert (entry["method"], entry["idempotency_key"], entry["status"]) == ("POST", "k", 200)
    assert (entry["form"]["customer"], entry["form"]["metadata"]) == (CUSTOMER, {"a": "b"})
    assert door("GET", "requests", params={"colour": "red"}).status_code == 400


def test_deliveries_are_listed_and_resent(door: Door, receiver: Receiver, purchase: Callable[..., Any]) -> None:
    authorization = purchase()
    event = receiver.wait_for("issuing_authorization.created")[0]
    asked = door("GET", "deliveries", params={"event_type": "issuing_authorization.request"}).json()["deliveries"]
    assert [(entry["object_id"], entry["status"]) for entry in asked] == [(authorization.id, 200)]
    assert asked[0]["headers"]["Server-Timing"] == "decide;dur=1.5"
    assert asked[0]["elapsed_ms"] > 0
    assert door("POST", f"deliveries/{event['id']}/resend").status_code == 200
    assert receiver.wait_for("issuing_authorization.created", 2)[1] == event
    assert door("POST", "deliveries/evt_nothing/resend").status_code == 404


def test_reset_starts_again(door: Door, charge: Callable[..., Any], sandbox: RunningSandbox) -> None:
    charge(key="k")
    door("POST", "scenarios", json={"path": "/v1/refunds", "do": "error_500"})
    assert door("POST", "reset").json() == {"reset": True}
    assert not sandbox.state.objects["payment_intent"]
    assert not sandbox.sandbox.scenarios.to_json()
    again = charge(key="k")
    assert "Idempotent-Replayed" not in again.last_response.headers


def test_unknown_order_lists_what_there_is(door: Door) -> None:
    answer = door("GET", "nonsense")
    assert answer.status_code == 404
    assert "/_sandbox/scenarios" in answer.json()["error"]


def test_release_over_http(door: Door) -> None:
    assert door("POST", "release").json() == {"released": 0}
