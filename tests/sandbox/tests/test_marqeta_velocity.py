"""Velocity controls: what they forbid before the gateway is asked, and what they count."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.sandbox.marqeta.velocity import period_of
from tests.sandbox.running import RunningSandbox
from tests.sandbox.tests.marqeta import PRODUCT, PROGRAM, USER, Api, MarqetaReceiver, decline, echo

pytestmark = pytest.mark.only_in_proofs


def limit(api: Api, amount: float = 100, window: str = "DAY", **more: Any) -> dict[str, Any]:
    body = {"amount_limit": amount, "currency_code": "USD", "velocity_window": window, "name": "the limit"}
    return api.post("velocitycontrols", {**body, "association": {"user_token": USER}, **more})


def codes(api: Api, *amounts: float, **more: Any) -> list[str]:
    return [api.buy(amount, **more)["response"]["code"] for amount in amounts]


def test_world_brings_its_own(api: Api) -> None:
    assert codes(api, 499, 2, 1) == ["0000", "1834", "0000"]


@pytest.mark.parametrize("window", ["DAY", "WEEK", "MONTH", "LIFETIME"])
def test_amount_in_a_window(api: Api, program: MarqetaReceiver, window: str) -> None:
    limit(api, 100, window)
    assert codes(api, 60, 40.01, 40) == ["0000", "1834", "0000"]
    assert len(program.asked) == 2
    declined = program.wait_for("authorization", 3)
    assert [row["response"].get("additional_information") for row in declined if row["state"] == "DECLINED"] == [
        "the limit"
    ]


def test_single_transaction(api: Api) -> None:
    limit(api, 50, "TRANSACTION")
    assert codes(api, 50, 50.01) == ["0000", "1834"]
    hold = api.buy(30)
    assert api.follow("authorization.incremental", hold, 20.01)["response"]["code"] == "1834"
    assert api.follow("authorization.incremental", hold, 20)["response"]["code"] == "0000"


def test_uses(api: Api) -> None:
    limit(api, 400, usage_limit=2)
    assert codes(api, 1, 1, 1) == ["0000", "0000", "1835"]


def test_increment_is_no_further_use(api: Api) -> None:
    limit(api, 400, usage_limit=1)
    hold = api.buy(1)
    assert api.follow("authorization.incremental", hold, 1)["response"]["code"] == "0000"
    assert codes(api, 1) == ["1835"]


def test_day_counts_what_was_spent_before_and_lifetime_does_not(api: Api) -> None:
    api.buy(90)
    limit(api, 100, "LIFETIME")
    assert codes(api, 100, 1) == ["0000", "1834"]
    limit(api, 200, "DAY", token="day")
    assert api.get(f"velocitycontrols/user/{USER}/available", count=10)["data"][-1]["available"]["amount"] == 10


def test_declines_reversals_and_refunds_give_back(api: Api, program: MarqetaReceiver) -> None:
    limit(api, 100)
    program.decide = decline
    assert codes(api, 100) == ["1886"]
    program.decide = echo
    hold = api.buy(100)
    assert codes(api, 1) == ["1834"]
    api.follow("authorization.reversal", hold, 30)
    assert codes(api, 30.01) == ["1834"]
    api.follow("authorization.clearing", hold, 50)
    assert codes(api, 50.01) == ["1834"]
    api.follow("authorization.clearing", hold, 20)
    api.follow("refund", hold, 70)
    assert codes(api, 100) == ["0000"]


def test_merchant_scope(api: Api) -> None:
    limit(api, 10, merchant_scope={"mcc": "5812"})
    limit(api, 20, merchant_scope={"mid": "shop"})
    assert codes(api, 11, card_acceptor={"mcc": "5812"}) == ["1834"]
    assert codes(api, 11, 11, card_acceptor={"mcc": "5411", "mid": "shop"}) == ["0000", "1834"]
    assert codes(api, 100) == ["0000"]


def test_product_level(api: Api) -> None:
    limit(api, 10, association={"card_product_token": PRODUCT})
    assert codes(api, 11, 10) == ["1834", "0000"]
    assert api.get("velocitycontrols", card_product=PRODUCT)["count"] == 1
    assert api.get("velocitycontrols", user=USER)["count"] == 1


def test_update_and_switching_off(api: Api) -> None:
    control = limit(api, 10)
    assert codes(api, 11) == ["1834"]
    api.put(f"velocitycontrols/{control['token']}", {"amount_limit": 11})
    assert codes(api, 11, 1) == ["0000", "1834"]
    assert api.put(f"velocitycontrols/{control['token']}", {"active": False})["amount_limit"] == 11
    assert codes(api, 1) == ["0000"]


def test_wrong_controls_are_refused(api: Api) -> None:
    body = {"amount_limit": 1, "currency_code": "USD", "velocity_window": "DAY"}
    mine = {"association": {"user_token": USER}}
    wrong: list[Any] = [
        {"association": {"user_token": USER, "card_product_token": PRODUCT}},
        {"association": {"card_token": "c"}},
        {"association": {"user_token": "nobody"}},
        {"velocity_window": "TRANSACTION", "usage_limit": 1, **mine},
        *({"amount_limit": amount, **mine} for amount in (-1, 1.001, "1", True, 1e12)),
    ]

    assert api.status_of("velocitycontrols", body) == 403
    assert [api.status_of("velocitycontrols", body | change) for change in wrong] == [400] * 9


def test_purchases_at_once_stay_below_the_limit(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    limit(api, 100)
    start, states = threading.Barrier(10), []

    def buy() -> None:
        with (own := Api(marqeta.url, PROGRAM)).session:
            start.wait()
            states.append(own.buy(30)["state"])

    threads = [threading.Thread(target=buy) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (states.count("PENDING"), len(program.asked)) == (3, 3)


def test_windows_begin_at_midnight_utc_and_weeks_on_sunday() -> None:
    late, early = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC), datetime(2026, 2, 1, 0, 0, tzinfo=UTC)
    assert early.strftime("%A") == "Sunday"
    for window in ("DAY", "WEEK", "MONTH"):
        assert period_of(window, late) != period_of(window, early)
    assert period_of("WEEK", early) == period_of("WEEK", datetime(2026, 2, 7, 23, 59, tzinfo=UTC))
    assert period_of("LIFETIME", late) == period_of("LIFETIME", early)
