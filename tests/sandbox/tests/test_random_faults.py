"""Faults by chance: a share of everything, the same draws for the same seed, and nothing while it is calm."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import requests
import stripe

from tests.sandbox.random_faults import CHARGES, QUESTIONS, REQUESTS, WEBHOOKS, Weather
from tests.sandbox.running import RunningSandbox
from tests.sandbox.scenario import AFTER, BEFORE, DURING
from tests.sandbox.tests.receiver import Receiver

pytestmark = pytest.mark.only_in_proofs

CHARGE = {"method": "POST", "path": "/v1/payment_intents"}
LIST = {"method": "GET", "path": "/v1/events"}


def drawn(weather: Weather, times: int, **call: str) -> Counter[str]:
    """What became of so many requests, each asked about at its three stages as the doors do."""
    met: Counter[str] = Counter()
    for _ in range(times):
        found = [weather.for_request(stage=stage, **call) for stage in (BEFORE, DURING, AFTER)]
        met += Counter(order.do for order in found if order is not None)
    return met


def test_random_faults_meet_their_share_and_each_fault_is_equally_likely() -> None:
    weather = Weather()
    weather.set(percent=12, seed=1)
    met = drawn(weather, 20_000, **LIST)
    assert set(met) == set(REQUESTS)
    assert 0.11 < met.total() / 20_000 < 0.13
    assert all(300 < times < 500 for times in met.values()), met


def test_a_charge_is_declined_by_its_bank_beside_the_faults_of_its_call() -> None:
    weather = Weather()
    weather.set(percent=10, seed=1)
    met = drawn(weather, 10_000, **CHARGE)
    assert set(met) == {*REQUESTS, *CHARGES}
    assert 0.08 < sum(met[do] for do in set(CHARGES)) / 10_000 < 0.12
    assert not drawn(weather, 2_000, method="POST", path="/v1/payment_intents/pi_1/capture").keys() & set(CHARGES)


@pytest.mark.parametrize(("event", "deeds"), [("payment_intent.succeeded", WEBHOOKS), ("gateway.request", QUESTIONS)])
def test_events_and_questions_have_faults_of_their_own(event: str, deeds: tuple[str, ...]) -> None:
    weather = Weather()
    weather.set(percent=20, seed=1)
    met = Counter(order.do for order in (weather.for_webhook(event) for _ in range(5_000)) if order)
    assert set(met) == set(deeds)
    assert 0.18 < met.total() / 5_000 < 0.22
    assert weather.to_json()["met"] == {
        f"{'question' if event == 'gateway.request' else 'webhook'} {do}": times for do, times in sorted(met.items())
    }


def test_the_same_seed_draws_the_same() -> None:
    weather, draws = Weather(), []
    for seed in (7, 7, 8):
        weather.set(percent=50, seed=seed)
        draws.append([order and (order.do, order.delay_s) for order in (weather.for_webhook("x") for _ in range(50))])
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize("path", ["/v1/test_helpers/issuing/authorizations", "/v3/simulations/cardtransactions/refund"])
def test_the_card_network_itself_has_no_random_faults(path: str) -> None:
    weather = Weather()
    weather.set(percent=100, seed=1)
    assert not drawn(weather, 200, method="POST", path=path)


def test_the_door_sets_and_shows_it_and_a_calm_keeps_the_counts(
    sandbox: RunningSandbox, receiver: Receiver, charge: Callable[..., Any]
) -> None:
    def door(method: str, **more: Any) -> requests.Response:
        return requests.request(method, f"{sandbox.url}/_sandbox/weather", timeout=5, **more)

    assert door("POST", json={"percent": 100, "seed": 3}).json()["percent"] == 100
    with pytest.raises(stripe.StripeError):
        charge()
    door("POST", json={"percent": 0})
    shown = door("GET").json()
    assert shown["percent"] == 0
    assert shown["met"]
    assert shown["requests"] >= 1
    assert charge().status == "succeeded"
    receiver.wait_for("payment_intent.succeeded")
    assert door("GET").json()["met"] == shown["met"]


@pytest.mark.parametrize(
    "order",
    [{}, {"percent": -1}, {"percent": 101}, {"percent": "5"}, {"percent": 5, "seed": "x"}, {"percent": 5, "rain": 1}],
)
def test_a_wrong_order_is_a_400_and_changes_nothing(sandbox: RunningSandbox, order: dict[str, Any]) -> None:
    answer = requests.post(f"{sandbox.url}/_sandbox/weather", json=order, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")
    assert sandbox.sandbox.scenarios.weather.percent == 0


def test_a_reset_calms_it(sandbox: RunningSandbox) -> None:
    sandbox.sandbox.scenarios.weather.set(percent=100, seed=1)
    sandbox.reset()
    assert sandbox.sandbox.scenarios.weather.percent == 0
