"""The JIT gateway call: what is asked, and how every kind of answer is judged."""

import json
import time
from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox.running import RunningSandbox, running_sandbox
from tests.sandbox.tests.marqeta import CARD, PRODUCT, PROGRAM, SOURCE, USER, Api, MarqetaReceiver, decline, echo, late

pytestmark = pytest.mark.only_in_proofs

GATEWAY = "gateway.request"


def test_question_is_a_bare_pending_transaction(api: Api, program: MarqetaReceiver) -> None:
    bought = api.buy(45, card_acceptor={"mid": "m1", "mcc": "0742", "name": "Vet", "country_code": "USA"})
    asked = program.asked[0]
    assert (asked["type"], asked["state"], asked["amount"], asked["currency_code"]) == (
        "authorization",
        "PENDING",
        45,
        "USD",
    )
    assert {"response", "approval_code", "gateway_log", "transactions"}.isdisjoint(asked)
    assert (asked["token"], asked["card_token"], asked["user_token"]) == (bought["token"], CARD, USER)
    jit = asked["gpa_order"]["jit_funding"]
    assert (jit["method"], jit["amount"], jit["user_token"]) == ("pgfs.authorization", 45, USER)
    assert asked["gpa_order"]["transaction_token"] == asked["token"]
    assert "gateway_log" not in asked["gpa_order"]["funding"]
    assert (asked["card_acceptor"]["mcc"], asked["card_acceptor"]["country_code"]) == ("0742", "USA")
    for name in ("pos", "gpa", "acquirer", "network", "network_reference_id", "request_amount", "created_time"):
        assert name in asked
    assert program.headers[0]["x-program"] == "One Card"
    assert "x-marqeta-signature" not in program.headers[0]


def test_money_is_exact_on_the_wire(api: Api, program: MarqetaReceiver, marqeta: RunningSandbox) -> None:
    api.buy(45.5)
    api.buy(0.07)
    assert [pending["amount"] for pending in program.asked] == [Decimal("45.5"), Decimal("0.07")]
    program.wait_for("authorization", 2)
    assert any(b'"amount":45.5,' in body for body in program.bodies)


def test_approval(api: Api, program: MarqetaReceiver) -> None:
    program.decide = lambda pending: echo(pending, memo="decision 7", tags="a,b")
    bought = api.buy(45)
    assert (bought["state"], bought["response"]["code"], len(bought["approval_code"])) == ("PENDING", "0000", 6)
    row = program.wait_for("authorization")[0]
    assert row == bought
    log = row["gpa_order"]["funding"]["gateway_log"]
    assert (log["timed_out"], log["order_number"], log["response"]["code"]) == (False, row["token"], "200")
    assert log["transaction_id"] == row["gpa_order"]["jit_funding"]["token"]
    assert log["response"]["data"]["jit_funding"]["memo"] == "decision 7"
    assert log["duration"] >= 0


def test_twin_has_its_own_token_and_the_same_jit_funding(api: Api, program: MarqetaReceiver) -> None:
    bought = api.buy(45)
    twin = program.wait_for("gpa.credit.authorization")[0]
    assert twin["token"] != bought["token"]
    assert twin["gpa_order"]["jit_funding"] == bought["gpa_order"]["jit_funding"]
    assert (twin["amount"], twin["subnetwork"], "card_acceptor" in twin) == (45, "GATEWAY_JIT", False)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("INVALID_AMOUNT", "1883"),
        ("INSUFFICIENT_FUNDS", "1884"),
        ("TRANSACTION_NOT_PERMITTED", "1885"),
        ("SUSPECTED_FRAUD", "1886"),
        ("AMOUNT_LIMIT_EXCEEDED", "1887"),
        ("TRANSACTION_COUNT_LIMIT_EXCEEDED", "1888"),
        ("DUPLICATE_TRANSACTION", "1889"),
        ("CARD_NOT_ACTIVE", "1016"),
        (None, "1016"),
    ],
)
def test_decline(api: Api, program: MarqetaReceiver, reason: str | None, code: str) -> None:
    program.decide = lambda pending: decline(pending, reason)
    bought = api.buy()
    assert (bought["state"], bought["response"]["code"]) == ("DECLINED", code)
    assert "approval_code" not in bought
    row = program.wait_for("authorization")[0]
    assert (row["gpa_order"]["state"], row["gpa_order"]["funding"]["gateway_log"]["response"]["code"]) == (
        "DECLINED",
        "402",
    )


def wrong(**fields: Any) -> Any:
    return lambda pending: echo(pending, **fields)


@pytest.mark.parametrize(
    "answer",
    [
        lambda _pending: (200, b"{"),
        lambda _pending: (200, b"<html>"),
        lambda _pending: (200, b"{}"),
        lambda _pending: (200, b'{"jit_funding": []}'),
        lambda pending: echo(pending, status=500),
        lambda pending: echo(pending, status=201),
        wrong(token="another"),
        wrong(method="pgfs.refund"),
        wrong(user_token="somebody"),
        wrong(amount=44),
        wrong(amount=46),
        wrong(amount="45.00"),
        wrong(amount=None),
        wrong(amount=float("nan")),
    ],
)
def test_unusable_answers_decline(api: Api, program: MarqetaReceiver, answer: Any) -> None:
    program.decide = answer
    bought = api.buy(45)
    log = bought["gpa_order"]["funding"]["gateway_log"]
    assert (bought["state"], bought["response"]["code"], log["timed_out"]) == ("DECLINED", "1016", False)
    assert log["message"].startswith("The gateway")


def test_late_approval_is_ignored(api: Api, program: MarqetaReceiver) -> None:
    program.decide = late(2)
    started = time.perf_counter()
    bought = api.buy()
    assert 0.6 <= time.perf_counter() - started < 1.8
    log = bought["gpa_order"]["funding"]["gateway_log"]
    assert (bought["state"], log["timed_out"], "response" in log) == ("DECLINED", True, False)
    assert log["duration"] >= 600


def test_gateway_that_is_not_there(api: Api, marqeta: RunningSandbox) -> None:
    marqeta.send_marqeta_to(gateway_url="http://127.0.0.1:9/", webhook_url="http://127.0.0.1:9/")
    bought = api.buy()
    assert (bought["state"], bought["gpa_order"]["funding"]["gateway_log"]["timed_out"]) == ("DECLINED", False)


def test_timeout_of_the_source_is_heeded(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    given = {"url": program.gateway_url, "basic_auth_username": PROGRAM.gateway_username, "timeout_millis": 1500}
    api.put(f"fundingsources/programgateway/{SOURCE}", {**given, "basic_auth_password": PROGRAM.gateway_password})
    program.decide = late(0.8)
    assert api.buy()["state"] == "PENDING"


def partial_product(api: Api) -> str:
    config = {
        "transaction_controls": {"enable_partial_auth_approval": True},
        "card_life_cycle": {"activate_upon_issue": True},
        "jit_funding": {"programgateway_funding_source": {"enabled": True, "funding_source_token": SOURCE}},
    }
    api.post("cardproducts", {"token": "p", "name": "P", "start_date": "2026-01-01", "config": config})
    api.post("cards", {"token": "c", "user_token": USER, "card_product_token": "p"})
    return "c"


def test_partial_approval_needs_product_and_terminal(api: Api, program: MarqetaReceiver) -> None:
    card = partial_product(api)
    program.decide = wrong(amount=20)
    capable = {"partial_approval_capable": True}
    bought = api.buy(45, card_token=card, pos=capable)
    assert (bought["response"]["code"], bought["amount"], bought["request_amount"]) == ("0002", 20, 45)
    assert bought["gpa_order"]["jit_funding"]["amount"] == 20
    assert api.buy(45, card_token=card)["state"] == "DECLINED"
    assert api.buy(45, pos=capable)["state"] == "DECLINED"
    assert api.follow("authorization.reversal", bought, 20)["state"] == "CLEARED"


def test_gateway_calls_are_in_the_journal(api: Api, marqeta: RunningSandbox) -> None:
    bought = api.buy()
    entry = marqeta.deliveries.find(event_type=GATEWAY)[0]
    assert (entry.object_id, entry.status) == (bought["token"], 200)
    assert entry.event_id == bought["gpa_order"]["jit_funding"]["token"]
    assert json.loads(entry.body)["jit_funding"]["token"] == entry.event_id


def test_without_gateway_nobody_pays() -> None:
    with running_sandbox(webhook_url=None) as sandbox, (api := Api(sandbox.url, sandbox.marqeta.settings)).session:
        assert api.buy()["response"]["code"] == "1016"
        assert api.get(f"cards/user/{USER}")["data"][0]["card_product_token"] == PRODUCT
