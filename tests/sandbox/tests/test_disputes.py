"""Disputes at either issuer: what may be done when, what moves, and what is told of it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import stripe

from tests.sandbox.running import RunningSandbox
from tests.sandbox.tests.marqeta import Api, MarqetaReceiver
from tests.sandbox.tests.receiver import Receiver

pytestmark = pytest.mark.only_in_proofs

WORD = "issuing_dispute"


@pytest.fixture
def disputed(client: stripe.StripeClient, purchase: Callable[..., Any]) -> str:
    """A capture that can be disputed."""
    captured = client.v1.test_helpers.issuing.authorizations.capture(purchase().id)
    return str(captured.transactions[0].id)


def decide(client: stripe.StripeClient, dispute: Any, deed: str) -> None:
    client.raw_request("post", f"/v1/test_helpers/issuing/disputes/{dispute.id}/{deed}")


def moved(dispute: Any) -> list[tuple[str, int]]:
    return [(each.type, each.amount) for each in dispute.balance_transactions]


def test_a_won_dispute_keeps_what_its_submission_reinstated(
    client: stripe.StripeClient, disputed: str, receiver: Receiver, sandbox: RunningSandbox
) -> None:
    balance, disputes = sandbox.state.issuing_balance, client.v1.issuing.disputes
    begun = disputes.create({"transaction": disputed, "evidence": {"reason": "duplicate"}})
    assert (begun.status, begun.amount, begun.transaction) == ("unsubmitted", 4500, disputed)
    assert disputes.submit(begun.id).status == "submitted"
    decide(client, begun, "win")

    won = disputes.retrieve(begun.id)
    assert (won.status, won.evidence.reason, moved(won)) == ("won", "duplicate", [("issuing_dispute", 4500)])
    assert sandbox.state.issuing_balance == balance + 4500
    for word in ("created", "submitted", "funds_reinstated", "closed"):
        assert receiver.wait_for(f"{WORD}.{word}")[0]["data"]["object"]["id"] == begun.id
    assert [each.id for each in disputes.list({"status": "won"}).data] == [begun.id]


def test_a_lost_dispute_gives_it_back(client: stripe.StripeClient, disputed: str, sandbox: RunningSandbox) -> None:
    balance, disputes = sandbox.state.issuing_balance, client.v1.issuing.disputes
    begun = disputes.create({"transaction": disputed, "amount": 1000})
    disputes.submit(begun.id)
    decide(client, begun, "lose")

    assert moved(disputes.retrieve(begun.id)) == [("issuing_dispute", 1000), ("issuing_dispute", -1000)]
    assert sandbox.state.issuing_balance == balance


def test_one_that_nobody_submitted_expires_and_moves_nothing(client: stripe.StripeClient, disputed: str) -> None:
    begun = client.v1.issuing.disputes.create({"transaction": disputed})
    decide(client, begun, "lose")
    assert (client.v1.issuing.disputes.retrieve(begun.id).status, moved(begun)) == ("expired", [])


@pytest.mark.parametrize("amount", [4501, 10**9])
def test_no_more_than_was_taken_can_be_disputed(client: stripe.StripeClient, disputed: str, amount: int) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.issuing.disputes.create({"transaction": disputed, "amount": amount})
    assert client.v1.issuing.disputes.list().data == []


def test_what_is_over_or_disputed_already_is_refused(client: stripe.StripeClient, disputed: str) -> None:
    disputes = client.v1.issuing.disputes
    begun = disputes.create({"transaction": disputed})
    for again in (
        lambda: disputes.create({"transaction": disputed}),
        lambda: decide(client, begun, "win"),
        lambda: disputes.create({"transaction": "ipi_unknown"}),
    ):
        with pytest.raises(stripe.InvalidRequestError):
            again()
    assert disputes.retrieve(begun.id).status == "unsubmitted"


def test_a_chargeback_names_its_clearing_and_its_end_is_a_transition(api: Api, program: MarqetaReceiver) -> None:
    hold = api.buy(45)
    clearing = api.follow("authorization.clearing", hold, 45)
    first = api.follow("authorization.clearing.chargeback", clearing, 45)
    last = api.follow("authorization.clearing.chargeback.reversal", clearing, 45)

    for message in (first, last):
        assert message["preceding_related_transaction_token"] == clearing["token"]
        assert message["chargeback"]["transaction_token"] == clearing["token"]
    assert ("gpa_order_unload" in first, "gpa_order" in last) == (True, True)
    assert first["chargeback"]["token"] == last["chargeback"]["token"]


def test_the_network_may_approve_a_part(api: Api, marqeta: RunningSandbox) -> None:
    hold = api.buy(45, approved_in_part=30)
    assert (hold["amount"], hold["request_amount"], hold["response"]["code"]) == (30, 45, "0002")
    assert marqeta.marqeta.state.chain_of[hold["token"]].held == Decimal(30)
    assert api.buy(45, approved_in_part=50)["amount"] == 45


def chargeback(clearing: dict[str, Any], amount: float = 45, **more: Any) -> dict[str, Any]:
    return {
        "token": f"cb-{clearing['token'][:30]}", "transaction_token": clearing["token"], "amount": amount,
        "channel": "ISSUER", "credit_user": False, "reason_description": "FRAUD", **more,
    }  # fmt: skip


def test_a_chargeback_is_made_once_and_reported(api: Api, program: MarqetaReceiver) -> None:
    clearing = api.follow("authorization.clearing", api.buy(45), 45)

    made = api.post("chargebacks", chargeback(clearing))
    assert api.post("chargebacks", chargeback(clearing)) == made
    assert (made["state"], made["transaction_token"]) == ("INITIATED", clearing["token"])
    won = api.follow("authorization.clearing.chargeback.completed", clearing, 45)

    assert won["chargeback"]["token"] == made["token"]
    assert api.get(f"chargebacks/{made['token']}")["state"] == "CASE_WON"


def test_a_chargeback_is_withdrawn_while_it_is_open(api: Api, program: MarqetaReceiver) -> None:
    made = api.post("chargebacks", chargeback(api.follow("authorization.clearing", api.buy(45), 45)))
    back = {"chargeback_token": made["token"], "state": "WITHDRAWN", "channel": "ISSUER"}

    assert api.post("chargebacks/transitions", back)["chargeback_token"] == made["token"]

    assert api.get(f"chargebacks/{made['token']}")["state"] == "WITHDRAWN"
    api.post("chargebacks/transitions", back, status=400)


def test_what_cannot_be_charged_back_is_refused(api: Api, program: MarqetaReceiver) -> None:
    hold = api.buy(45)
    clearing = api.follow("authorization.clearing", hold, 45)
    for wrong in (chargeback(hold), chargeback(clearing, 45.01), chargeback(clearing, 0)):
        assert api.post("chargebacks", wrong, status=400)["error_message"]
    api.post("chargebacks", chargeback(clearing))
    assert "already" in api.post("chargebacks", chargeback(clearing, token="another"), status=400)["error_message"]
