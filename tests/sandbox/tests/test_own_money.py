"""The account's own money: both balances, top-ups, payouts, transfers between them, and what each refuses."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.sandbox.running import RunningSandbox, running_sandbox
from tests.sandbox.tests.conftest import make_client
from tests.sandbox.tests.receiver import Json, Receiver


def moves(client: stripe.StripeClient) -> list[tuple[str, str, int, str]]:
    """Every balance transaction, the oldest first: type, category, amount, balance."""
    found = client.v1.balance_transactions.list({"limit": 100}).data
    return [(each.type, each.reporting_category, each.amount, each.balance_type) for each in found][::-1]


def helped(client: stripe.StripeClient, path: str) -> Json:
    """Plays the bank."""
    return dict(client.raw_request("post", f"/v1/test_helpers/{path}").data)


def issuing_left(client: stripe.StripeClient) -> int:
    balance: Any = client.v1.balance.retrieve()
    (left,) = balance.issuing.available
    return int(left.amount)


def age(sandbox: RunningSandbox, days: int) -> None:
    for row in sandbox.state.objects["balance_transaction"].values():
        row["created"] -= days * 86_400


def test_a_purchase_holds_and_takes_and_a_refund_returns(
    client: stripe.StripeClient, purchase: Callable[..., Any]
) -> None:
    before = issuing_left(client)

    made = purchase()
    assert issuing_left(client) == before - 4500
    captured = client.v1.test_helpers.issuing.authorizations.capture(made.id)
    client.v1.test_helpers.issuing.transactions.refund(captured.transactions[0].id, {"refund_amount": 500})

    assert issuing_left(client) == before - 4000
    assert moves(client) == [
        ("issuing_authorization_hold", "issuing_authorization_hold", -4500, "issuing"),
        ("issuing_transaction", "issuing_transaction", -4500, "issuing"),
        ("issuing_authorization_release", "issuing_authorization_release", 4500, "issuing"),
        ("issuing_transaction", "issuing_transaction", 500, "issuing"),
    ]


def test_a_top_up_raises_the_balance_once_it_arrives(
    client: stripe.StripeClient, sandbox: RunningSandbox, receiver: Receiver
) -> None:
    before = issuing_left(client)
    wanted: Any = {"amount": 70_000, "currency": "usd", "destination_balance": "issuing"}

    made = client.v1.topups.create(wanted)
    assert (made.status, made.balance_transaction, issuing_left(client)) == ("pending", None, before)

    done = helped(client, f"topups/{made.id}/succeed")
    assert (done["status"], issuing_left(client)) == ("succeeded", before + 70_000)
    helped(client, f"topups/{made.id}/reverse")
    assert issuing_left(client) == before
    assert [each[:3] for each in moves(client)] == [
        ("topup", "topup", 70_000),
        ("topup_reversal", "topup_reversal", -70_000),
    ]
    receiver.wait_for("topup.reversed")
    assert [each.id for each in client.v1.topups.list({"limit": 5}).data] == [made.id]


def test_a_payout_leaves_at_once_and_comes_back_when_it_fails(
    client: stripe.StripeClient, sandbox: RunningSandbox, receiver: Receiver, charge: Callable[..., Any]
) -> None:
    charge()
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payouts.create({"amount": 1000, "currency": "usd"})
    assert caught.value.code == "balance_insufficient", "what was charged is not available yet"

    age(sandbox, 3)
    made = client.v1.payouts.create({"amount": 1000, "currency": "usd"})
    assert client.v1.balance.retrieve().available[0].amount == 3339
    helped(client, f"payouts/{made.id}/pay")
    failed = helped(client, f"payouts/{made.id}/fail")

    assert (failed["status"], failed["failure_code"]) == ("failed", "account_closed")
    assert client.v1.balance.retrieve().available[0].amount == 4339
    assert [each[:3] for each in moves(client)][1:] == [
        ("payout", "payout", -1000),
        ("payout_failure", "payout_reversal", 1000),
    ]
    assert moves(client)[-1][0] == "payout_failure"
    receiver.wait_for("payout.failed")


def test_money_moves_between_the_balances(
    client: stripe.StripeClient, sandbox: RunningSandbox, charge: Callable[..., Any]
) -> None:
    charge()
    age(sandbox, 3)
    before = issuing_left(client)
    wanted = {
        "amount": "4000",
        "currency": "usd",
        "source_balance[type]": "payments",
        "destination_balance[type]": "issuing",
    }

    client.raw_request("post", "/v1/balance_transfers", **_nested(wanted))

    assert issuing_left(client) == before + 4000
    assert [each[2:] for each in moves(client)][1:] == [(-4000, "payments"), (4000, "issuing")]
    with pytest.raises(stripe.InvalidRequestError, match="insufficient"):
        client.raw_request("post", "/v1/balance_transfers", **_nested(wanted))


@pytest.mark.parametrize(
    ("wanted", "param"),
    [
        ({"currency": "usd"}, "amount"),
        ({"amount": 0, "currency": "usd"}, "amount"),
        ({"amount": 100}, "currency"),
        ({"amount": 100, "currency": "eur", "destination_balance": "issuing"}, "currency"),
        ({"amount": 100, "currency": "usd", "destination_balance": "savings"}, "destination_balance"),
        ({"amount": 100, "currency": "usd", "statement_descriptor": "sixteen letters!"}, "statement_descriptor"),
        ({"amount": 100, "currency": "usd", "speed": "fast"}, "speed"),
    ],
)
def test_a_top_up_that_makes_no_sense(client: stripe.StripeClient, wanted: Any, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.topups.create(wanted)
    assert (caught.value.http_status, caught.value.param) == (400, param)


def test_what_is_over_is_not_ended_twice(client: stripe.StripeClient) -> None:
    made = client.v1.topups.create({"amount": 100, "currency": "usd"})
    client.v1.topups.cancel(made.id)

    for deed in ("succeed", "fail", "reverse"):
        with pytest.raises(stripe.InvalidRequestError, match="canceled"):
            helped(client, f"topups/{made.id}/{deed}")
    assert moves(client) == []


def test_the_worlds_money_may_have_come_by_a_top_up() -> None:
    with running_sandbox(webhook_url=None, opening_top_up=True) as sandbox:
        client = make_client(sandbox)
        assert moves(client) == [("topup", "topup", issuing_left(client), "issuing")]


def _nested(flat: Json) -> Json:
    """The package's own parameters for a call that it has no words for."""
    found: Json = {}
    for name, value in flat.items():
        outer, _, inner = name.partition("[")
        if inner:
            found[outer] = {inner.rstrip("]"): value}
        else:
            found[outer] = value
    return found
