"""Transactions read back: filters, cursors, and the time until they can be seen."""

import time
from datetime import timedelta

import pytest

from tests.sandbox.marqeta.conduct import Conduct
from tests.sandbox.marqeta.state import timestamp, utc_now
from tests.sandbox.running import RunningSandbox
from tests.sandbox.tests.marqeta import CARD, PRODUCT, USER, Api, MarqetaReceiver, decline

pytestmark = pytest.mark.only_in_proofs

MERCHANT = "authorization,authorization.clearing,refund"


def test_retrieve_equals_the_webhook(api: Api, program: MarqetaReceiver) -> None:
    bought = api.buy()
    assert api.get(f"transactions/{bought['token']}") == program.wait_for("authorization")[0]
    assert api.call("GET", "transactions/none").status_code == 404


def test_list_shows_pending_and_complete_unless_asked(api: Api, program: MarqetaReceiver) -> None:
    hold = api.buy()
    program.decide = decline
    declined = api.buy()
    listed = api.get("transactions", type="authorization")
    assert [row["token"] for row in listed["data"]] == [hold["token"]]
    everything = api.get("transactions", type="authorization", state="ALL")
    assert [row["token"] for row in everything["data"]] == [declined["token"], hold["token"]]
    assert api.get("transactions", state="DECLINED", type="authorization")["count"] == 1
    assert api.get("transactions")["count"] == 2


def test_filters(api: Api) -> None:
    api.buy()
    assert api.get("transactions", type="authorization", card_token=CARD, user_token=USER)["count"] == 1
    assert api.get("transactions", card_token="other")["count"] == 0
    assert api.get("transactions", type="refund")["count"] == 0
    today, tomorrow = utc_now(), utc_now() + timedelta(days=1)
    assert api.get("transactions", start_date=f"{today:%Y-%m-%d}", end_date=f"{today:%Y-%m-%d}")["count"] == 2
    assert api.get("transactions", start_date=f"{tomorrow:%Y-%m-%d}", end_date=f"{tomorrow:%Y-%m-%d}")["count"] == 0
    hour_ago = timestamp(today - timedelta(hours=1))
    assert api.get("transactions", start_date=hour_ago)["count"] == 2
    assert api.get("transactions", end_date=hour_ago)["count"] == 0


@pytest.mark.parametrize("query", ["sort_by=amount", "start_date=yesterday", "start_identifier=x", "count=101"])
def test_bad_queries(api: Api, query: str) -> None:
    assert api.call("GET", f"transactions?{query}").status_code in (400, 413)


def test_cursor_walks_in_order_and_misses_nothing(api: Api) -> None:
    tokens = [api.buy(1)["token"] for _ in range(12)]
    seen, cursor = [], 0
    while True:
        query = {"start_identifier": cursor, "sort_by": "created_time", "count": 5, "type": MERCHANT, "state": "ALL"}
        page = api.get("transactions", **query)
        seen += [row["token"] for row in page["data"]]
        if not page["is_more"]:
            break
        cursor = int(page["data"][-1]["identifier"]) + 1
    assert seen == tokens


def test_old_transactions_are_left_out_by_default(api: Api, marqeta: RunningSandbox) -> None:
    bought = api.buy()
    for thing in marqeta.marqeta.state.transactions.values():
        thing["user_transaction_time"] = timestamp(utc_now() - timedelta(days=31))
    assert api.get("transactions")["count"] == 0
    start = f"{utc_now() - timedelta(days=40):%Y-%m-%d}"
    assert api.get("transactions", start_date=start, type="authorization")["data"][0]["token"] == bought["token"]


def test_visible_only_after_a_while(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    marqeta.marqeta.conduct = Conduct(transactions_visible_after_s=0.8)
    bought = api.buy()
    program.wait_for("authorization")
    assert api.call("GET", f"transactions/{bought['token']}").status_code == 404
    assert api.call("GET", f"transactions/{bought['token']}/related").status_code == 404
    assert api.get("transactions")["count"] == 0
    time.sleep(0.8)
    assert api.get(f"transactions/{bought['token']}")["token"] == bought["token"]


def test_a_list_asked_for_again_shows_what_has_happened_since(api: Api, marqeta: RunningSandbox) -> None:
    query = {"state": "ALL", "type": "authorization", "sort_by": "created_time"}
    tokens = [api.buy(1)["token"]]
    assert [row["token"] for row in api.get("transactions", **query)["data"]] == tokens
    marqeta.marqeta.conduct = Conduct(transactions_visible_after_s=0.6)
    hidden = api.buy(2)["token"]
    marqeta.marqeta.conduct = Conduct()
    tokens.append(api.buy(3)["token"])
    assert [row["token"] for row in api.get("transactions", **query)["data"]] == tokens
    time.sleep(0.6)
    tokens.insert(1, hidden)
    assert [row["token"] for row in api.get("transactions", **query)["data"]] == tokens
    assert [row["token"] for row in api.get("transactions", **query, card_token="other")["data"]] == []


def test_without_a_card_the_whole_program_is_listed(api: Api) -> None:
    other = api.post("cards", {"user_token": USER, "card_product_token": PRODUCT})["token"]
    body = {"card_token": other, "state": "ACTIVE", "channel": "API", "reason_code": "00"}
    api.post("cardtransitions", body)
    bought = [api.buy(10)["card_token"], api.buy(20, card_token=other)["card_token"]]
    rows = api.get("transactions", state="ALL", count=100)["data"]
    assert {row["card_token"] for row in rows} == set(bought)
    assert len(set(bought)) == 2
