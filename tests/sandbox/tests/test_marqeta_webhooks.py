"""Webhooks: signatures, batches, retries, what counts as an answer, and every way they can be mistreated."""

import time
from dataclasses import replace
from typing import Any

import pytest
import requests

from tests.sandbox.running import RunningSandbox, running_sandbox
from tests.sandbox.tests.marqeta import CARD, PASSWORD, PROGRAM, WEBHOOK, Api, MarqetaReceiver, running_marqeta_receiver

pytestmark = pytest.mark.only_in_proofs

AUTHORIZATION = "transaction.authorization"


def hook(api: Api, token: str, url: str, *, status: int = 201, **more: Any) -> Any:
    config = {"url": url, "basic_auth_username": "us", "basic_auth_password": PASSWORD, **more.pop("config", {})}
    body = {"token": token, "name": "Ours", "events": ["*"], "config": config, **more}
    return api.post("webhooks", body, status=status)


def test_deliveries_can_be_signed_with_sha_256() -> None:
    settings = replace(PROGRAM, signature_algorithm="HMAC_SHA_256")
    with (
        running_marqeta_receiver(settings) as program,
        running_sandbox(
            webhook_url=None,
            marqeta_gateway_url=program.gateway_url,
            marqeta_webhook_url=program.webhook_url,
            marqeta=settings,
        ) as sandbox,
        (api := Api(sandbox.url, settings)).session,
    ):
        api.buy()
        assert program.wait_for("authorization")
        assert program.wrong == [], "the receiver checks each signature"


def test_events_of_one_kind_travel_together_up_to_ten(
    api: Api, marqeta: RunningSandbox, program: MarqetaReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    departures: list[Any] = []
    monkeypatch.setattr(marqeta.sandbox.outgoing.workers, "later", lambda _delay_s, job: departures.append(job))
    for _ in range(7):
        api.buy(1)
    api.post("cardtransitions", {"card_token": CARD, "state": "SUSPENDED", "channel": "API"})
    for depart in departures:
        depart()
    program.wait_for("gpa.credit.authorization", 7)
    program.wait_for("state.suspended")
    assert sorted(len(post["transactions"]) for post in program.posts if "transactions" in post) == [4, 10]
    assert all(len(post) == 1 for post in program.posts)
    assert len({entry.batch for entry in marqeta.deliveries.wait_for(count=7, event_type=AUTHORIZATION)}) == 2


@pytest.mark.parametrize("status", [201, 202, 204, 302, 400, 500])
def test_only_200_is_an_answer(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver, status: int) -> None:
    answers = iter([status, status])
    program.acknowledge = lambda _body: next(answers, 200)
    api.buy()
    attempts = marqeta.deliveries.wait_for(count=3, event_type=AUTHORIZATION)
    assert [(entry.attempt, entry.status) for entry in attempts] == [(1, status), (2, status), (3, 200)]
    assert program.bodies[0] == program.bodies[1] == program.bodies[2]


def test_retries_end(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    program.acknowledge = lambda _body: 500
    api.buy()
    marqeta.deliveries.wait_for(count=4, event_type=AUTHORIZATION)
    time.sleep(0.3)
    assert len(marqeta.deliveries.find(event_type=AUTHORIZATION)) == 4


def test_card_and_user_changes_come_under_their_own_root(api: Api, program: MarqetaReceiver) -> None:
    api.post("cardtransitions", {"token": "t", "card_token": CARD, "state": "SUSPENDED", "channel": "API"})
    program.wait_for("state.suspended")
    assert [list(post) for post in program.posts] == [["cardtransitions"]]


def test_duplicate(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    marqeta.order(webhook=AUTHORIZATION, do="duplicate")
    api.buy()
    first, second = program.wait_for("authorization", 2)
    assert first == second


def test_concurrent(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    marqeta.order(webhook="transaction.authorization", do="concurrent", copies=12)
    api.buy()
    assert len({row["token"] for row in program.wait_for("authorization", 12)}) == 1


def test_out_of_order(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    marqeta.order(webhook="*", do="out_of_order", times=2)
    hold = api.buy()
    time.sleep(0.1)
    assert program.rows == []
    api.follow("authorization.clearing", hold, 45)
    program.wait_for("authorization")
    types = [row["type"] for row in program.messages()]
    assert types.index("authorization.clearing") < types.index("authorization")


def test_release(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    marqeta.order(webhook="*", do="out_of_order", times=2)
    api.buy()
    assert marqeta.release() == 2
    program.wait_for("authorization")


def test_delay(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    marqeta.order(webhook=AUTHORIZATION, do="delay", delay_s=0.7)
    api.buy()
    program.wait_for("gpa.credit.authorization")
    assert program.messages() == []
    program.wait_for("authorization")


def test_dropped_event_can_be_sent_again(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    marqeta.order(webhook=AUTHORIZATION, do="drop", times=None)
    bought = api.buy()
    assert marqeta.deliveries.wait_for(event_type=AUTHORIZATION)[0].status is None
    again = api.post(f"webhooks/{WEBHOOK}/transaction/{bought['token']}", {}, status=200)
    assert again["transactions"] == [bought]
    assert program.wait_for("authorization") == [bought]
    door = f"{marqeta.url}/_sandbox/deliveries/{bought['token']}/resend"
    assert requests.post(door, timeout=5).status_code == 200
    program.wait_for("authorization", 2)
    api.post(f"webhooks/{WEBHOOK}/transaction/none", {}, status=404)
    api.post(f"webhooks/{WEBHOOK}/pony/{bought['token']}", {}, status=400)
    api.post(f"webhooks/none/transaction/{bought['token']}", {}, status=404)


def test_ping(api: Api, program: MarqetaReceiver) -> None:
    program.acknowledge = lambda _body: 500
    api.post(f"webhooks/{WEBHOOK}/ping", {}, status=200)
    time.sleep(0.2)
    assert program.posts == [{"pings": [{"token": "marqeta", "payload": "healthcheck"}]}]


def test_webhooks_are_masked_and_checked(api: Api, program: MarqetaReceiver) -> None:
    secret = {"secret": "Sandbox-Webhook-Secret-1", "custom_header": {"X-A": "hidden"}}
    made = hook(api, "w", "https://us.example/events", config=secret)
    for word in (PASSWORD, secret["secret"], "hidden"):
        assert word not in str(made)
    assert api.get("webhooks/w") == made
    hook(api, "x", "http://us.example/events", status=400)
    hook(api, "x", "https://us.example/", config={"basic_auth_password": "a" * 30}, status=400)
    hook(api, "x", "https://us.example/", config={"secret": "short"}, status=400)
    for number in range(3):
        hook(api, f"w{number}", "https://us.example/events", events=["cardaction.*"])
    hook(api, "x", "https://us.example/", status=400)
    hook(api, "x", "https://us.example/", active=False)


def test_subscriptions(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    def listen(*events: str) -> None:
        config = {"url": program.webhook_url, "basic_auth_username": PROGRAM.webhook_username}
        config |= {"basic_auth_password": PROGRAM.webhook_password, "secret": PROGRAM.webhook_secret}
        api.put(f"webhooks/{WEBHOOK}", {"name": "Ours", "events": list(events), "config": config})

    listen("cardtransition.*", "transaction.refund")
    api.buy()
    api.simulate("refund", card_token=CARD, amount=1)
    api.post("cardtransitions", {"card_token": CARD, "state": "SUSPENDED", "channel": "API"})
    program.wait_for("refund")
    program.wait_for("state.suspended")
    assert len(program.rows) == 2


def test_call_may_name_its_own_webhook(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    own = {"endpoint": program.webhook_url, "username": PROGRAM.webhook_username}
    own |= {"password": PROGRAM.webhook_password, "secret": PROGRAM.webhook_secret}
    api.buy(webhook=own)
    first, second = program.wait_for("authorization", 2)
    assert first == second
