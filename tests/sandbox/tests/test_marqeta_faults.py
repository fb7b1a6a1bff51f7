"""Every way a call to Marqeta can go wrong, rate limits of both issuers, and the control door."""

import threading
import time
from typing import Any

import pytest
import requests

from tests.sandbox.limits import RateLimit
from tests.sandbox.running import DEFAULT_API_KEY, RunningSandbox
from tests.sandbox.tests.marqeta import CARD, PRODUCT, PROGRAM, USER, Api, MarqetaReceiver

pytestmark = pytest.mark.only_in_proofs

NEW = {"token": "c", "user_token": USER, "card_product_token": PRODUCT}
PATH = "/v3/cards"


def made(marqeta: RunningSandbox) -> int:
    return len(marqeta.marqeta.state.things["card"]) - 1


@pytest.mark.parametrize(
    ("do", "status", "done"),
    [("rate_limit", 429, 0), ("unauthorized", 401, 0), ("html_error", 502, 0), ("error_500", 500, 0)],
)
def test_refused_call_changes_nothing(api: Api, marqeta: RunningSandbox, do: str, status: int, done: int) -> None:
    marqeta.order(path=PATH, do=do)
    answer = api.call("POST", "cards", json=NEW)
    assert (answer.status_code, made(marqeta)) == (status, done)
    if do == "html_error":
        assert answer.headers["Content-Type"] == "text/html"
    else:
        assert answer.json()["error_code"].startswith(str(status))
    assert "Retry-After" not in answer.headers
    api.post("cards", NEW)
    assert made(marqeta) == 1


def test_rate_limit_tells_when_to_come_back(api: Api, marqeta: RunningSandbox) -> None:
    marqeta.order(path=PATH, do="rate_limit", retry_after_s=2)
    assert api.call("POST", "cards", json=NEW).headers["Retry-After"] == "2"


@pytest.mark.parametrize(("do", "done"), [("drop_request", 0), ("drop_answer", 1)])
def test_connection_that_breaks(api: Api, marqeta: RunningSandbox, do: str, done: int) -> None:
    marqeta.order(path=PATH, do=do)
    with pytest.raises(requests.ConnectionError):
        api.call("POST", "cards", json=NEW)
    assert made(marqeta) == done
    assert api.post("cards", NEW)["token"] == "c"
    assert made(marqeta) == 1


def test_malformed_json_after_the_deed(api: Api, marqeta: RunningSandbox) -> None:
    marqeta.order(path=PATH, do="malformed_json")
    answer = api.call("POST", "cards", json=NEW)
    assert (answer.status_code, made(marqeta)) == (201, 1)
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def test_delay_outlasts_an_impatient_client(api: Api, marqeta: RunningSandbox) -> None:
    marqeta.order(path=PATH, do="delay", delay_s=0.5)
    with (hasty := Api(marqeta.url, PROGRAM, timeout_s=0.1)).session, pytest.raises(requests.Timeout):
        hasty.call("POST", "cards", json=NEW)
    assert made(marqeta) == 0
    marqeta.requests.wait_for(path=PATH, status=201)
    assert api.post("cards", NEW)["token"] == "c"
    assert made(marqeta) == 1


def test_held_answer(api: Api, marqeta: RunningSandbox) -> None:
    marqeta.order(path=PATH, do="hold_answer")
    answers: list[Any] = []
    caller = threading.Thread(target=lambda: answers.append(api.post("cards", NEW)))
    caller.start()
    assert marqeta.gate.wait_until_held()
    assert (made(marqeta), answers) == (1, [])
    assert marqeta.release() == 1
    caller.join(5)
    assert answers[0]["token"] == "c"


def test_other_methods_and_patterns(api: Api, marqeta: RunningSandbox) -> None:
    marqeta.order(path="/v3/cards/*", method="GET", do="error_500", times=2)
    marqeta.order(path=f"/v3/users/{USER}", method="PUT", do="error_500")
    assert [api.call("GET", f"cards/{CARD}").status_code for _ in range(3)] == [500, 500, 200]
    assert [api.call("PUT", f"users/{USER}", json={}).status_code for _ in range(2)] == [500, 200]


def test_requests_are_in_the_journal(api: Api, marqeta: RunningSandbox) -> None:
    api.post("cards", NEW)
    api.buy(45.5)
    entry = marqeta.requests.find(path=PATH)[0]
    assert (entry.method, entry.idempotency_key, entry.status, entry.form) == ("POST", "c", 201, NEW)
    door = requests.get(f"{marqeta.url}/_sandbox/requests", params={"idempotency_key": "c"}, timeout=5)
    assert [found["path"] for found in door.json()["requests"]] == [PATH]
    assert requests.get(f"{marqeta.url}/_sandbox/requests", timeout=5).status_code == 200


def set_limits(marqeta: RunningSandbox, **limits: Any) -> requests.Response:
    return requests.post(f"{marqeta.url}/_sandbox/limits", json=limits, timeout=5)


def test_rate_limit_of_the_program(api: Api, marqeta: RunningSandbox) -> None:
    assert set_limits(marqeta, marqeta_per_second=5).status_code == 200
    statuses = [api.call("GET", "ping").status_code for _ in range(8)]
    assert statuses == [200] * 5 + [429] * 3
    assert [api.buy(1)["state"] for _ in range(6)] == ["PENDING"] * 6
    shown = requests.get(f"{marqeta.url}/_sandbox/limits", timeout=5).json()["limits"]["marqeta"]
    assert shown == {"per_second": 5, "taken": 5, "refused": 3, "busiest_second": 8}
    set_limits(marqeta, marqeta_per_second=0)
    assert {api.call("GET", "ping").status_code for _ in range(20)} == {200}


def test_rate_limit_of_stripe(marqeta: RunningSandbox, api: Api) -> None:
    set_limits(marqeta, stripe_per_second=3)
    headers = {"Authorization": f"Bearer {DEFAULT_API_KEY}"}
    answers = [requests.get(f"{marqeta.url}/v1/issuing/cards", headers=headers, timeout=5) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[3].json()["error"]["code"] == "rate_limit"
    assert marqeta.limits["stripe"].refused == 2
    assert api.call("GET", "ping").status_code == 200


def test_limit_holds_in_every_second() -> None:
    now = 0.0
    limit = RateLimit(clock=lambda: now)
    limit.set(2)
    assert [limit.take(), limit.take(), limit.take()] == [True, True, False]
    now = 0.999
    assert not limit.take()
    now = 1.0
    assert [limit.take(), limit.take(), limit.take()] == [True, True, False]
    assert (limit.taken, limit.refused) == (4, 3)


@pytest.mark.parametrize("order", [{"marqeta_per_second": -1}, {"visa_per_second": 1}, {"stripe_per_second": True}])
def test_wrong_limits(marqeta: RunningSandbox, order: dict[str, Any]) -> None:
    answer = set_limits(marqeta, **order)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


def test_conduct_over_the_control_door(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    door = f"{marqeta.url}/_sandbox/marqeta"
    assert requests.post(door, json={"commando": "manual"}, timeout=5).json()["commando"] == "manual"
    assert api.buy()["standin_approved_by"] == "COMMANDO_MANUAL"
    for wrong in (
        {"commando": "maybe"},
        {"colour": "red"},
        {"commando_on": "x"},
        {"transactions_visible_after_s": "1"},
    ):
        answer = requests.post(door, json=wrong, timeout=5)
        assert (answer.status_code, answer.json()["error"][-1]) == (400, ".")
    assert requests.get(door, timeout=5).json()["commando"] == "manual"


def test_reset_starts_again(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    api.post("cards", NEW)
    set_limits(marqeta, marqeta_per_second=1)
    marqeta.reset()
    assert {api.call("GET", f"cards/{NEW['token']}").status_code for _ in range(3)} == {404}
    assert api.buy()["state"] == "PENDING"
    program.wait_for("authorization")


def test_stopping_lets_held_callers_go(api: Api, marqeta: RunningSandbox) -> None:
    marqeta.order(path=PATH, do="hold_answer")
    caller = threading.Thread(target=lambda: api.call("POST", "cards", json=NEW), daemon=True)
    caller.start()
    assert marqeta.gate.wait_until_held()
    marqeta.sandbox.stop()
    caller.join(5)
    assert not caller.is_alive()


def test_many_creates_under_a_limit(api: Api, marqeta: RunningSandbox) -> None:
    """A client that waits its turn is never refused."""
    set_limits(marqeta, marqeta_per_second=400)
    for number in range(400):
        # A tenth slower than allowed, and never in a hurry to catch up.
        time.sleep(1 / 360)
        api.post("cards", {**NEW, "token": f"c{number}"})
    limit = marqeta.limits["marqeta"]
    assert (limit.taken, limit.refused, made(marqeta)) == (400, 0, 400)
    assert limit.busiest_second <= 400
