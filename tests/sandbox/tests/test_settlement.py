"""After the decision: captures, reversals, expiry, refunds, and what nobody announced."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.sandbox.running import RunningSandbox
from tests.sandbox.stripe.purchases import VERSION_WITH_EXPIRED
from tests.sandbox.tests.conftest import CARD
from tests.sandbox.tests.receiver import Receiver, decline

pytestmark = pytest.mark.only_in_proofs

UPDATED = "issuing_authorization.updated"
POSTED = "issuing_transaction.created"


def test_capture_posts_a_negative_amount_and_closes(
    receiver: Receiver, sandbox: RunningSandbox, client: stripe.StripeClient, purchase: Callable[..., Any]
) -> None:
    balance = sandbox.state.issuing_balance
    held = purchase()
    captured = client.v1.test_helpers.issuing.authorizations.capture(held.id)
    assert (captured.status, captured.approved, captured.amount) == ("closed", True, 4500)
    posting = receiver.wait_for(POSTED)[0]["data"]["object"]
    assert (posting["amount"], posting["merchant_amount"], posting["type"]) == (-4500, -4500, "capture")
    assert (posting["authorization"], posting["card"]) == (held.id, CARD)
    assert posting["network_data"]["authorization_code"] == held.request_history[0].authorization_code
    assert [transaction.id for transaction in captured.transactions] == [posting["id"]]
    assert receiver.wait_for(UPDATED)[0]["data"]["previous_attributes"]["status"] == "pending"
    assert (sandbox.state.issuing_balance, sandbox.state.held_total) == (balance - 4500, 0)


@pytest.mark.parametrize("amount", [3000, 5400])
def test_capture_may_be_less_or_more(
    client: stripe.StripeClient, purchase: Callable[..., Any], sandbox: RunningSandbox, amount: int
) -> None:
    captured = client.v1.test_helpers.issuing.authorizations.capture(purchase().id, {"capture_amount": amount})
    assert captured.transactions[0].amount == -amount
    assert sandbox.state.held_total == 0


def test_several_captures_of_one_authorization(
    client: stripe.StripeClient, purchase: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    helper, held = client.v1.test_helpers.issuing.authorizations, purchase()
    first = helper.capture(held.id, {"capture_amount": 1000, "close_authorization": False})
    assert (first.status, sandbox.state.held_total) == ("pending", 3500)
    last = helper.capture(held.id, {"capture_amount": 3500})
    assert (last.status, [posting.amount for posting in last.transactions]) == ("closed", [-1000, -3500])
    with pytest.raises(stripe.InvalidRequestError):
        helper.capture(held.id)


def test_capture_cannot_be_stopped_by_a_freeze(client: stripe.StripeClient, purchase: Callable[..., Any]) -> None:
    held = purchase()
    client.v1.issuing.cards.update(CARD, {"status": "inactive"})
    assert client.v1.test_helpers.issuing.authorizations.capture(held.id).status == "closed"


def test_reversal_in_part_then_whole(
    receiver: Receiver, client: stripe.StripeClient, purchase: Callable[..., Any]
) -> None:
    helper, held = client.v1.test_helpers.issuing.authorizations, purchase()
    partly = helper.reverse(held.id, {"reverse_amount": 1500})
    assert (partly.status, partly.amount, partly.merchant_amount) == ("pending", 3000, 3000)
    wholly = helper.reverse(held.id)
    assert (wholly.status, wholly.amount, wholly.approved) == ("reversed", 0, True)
    amounts = [event["data"]["object"]["amount"] for event in receiver.wait_for(UPDATED, 2)]
    assert sorted(amounts) == [0, 3000]
    with pytest.raises(stripe.InvalidRequestError):
        helper.capture(held.id)


def test_expiry_keeps_the_amount_for_a_late_capture(
    client: stripe.StripeClient, purchase: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    helper, held = client.v1.test_helpers.issuing.authorizations, purchase()
    expired = helper.expire(held.id)
    assert (expired.status, expired.amount, sandbox.state.held_total) == ("expired", 4500, 0)
    assert helper.capture(held.id).transactions[0].amount == -4500


def test_expired_is_a_word_of_newer_versions(sandbox: RunningSandbox) -> None:
    assert sandbox.sandbox.settings.api_version >= VERSION_WITH_EXPIRED > "2024-06-20"


def test_final_amount_replaces_an_estimate(
    receiver: Receiver, client: stripe.StripeClient, purchase: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    held = purchase(amount=100, merchant_data={"category": "automated_fuel_dispensers"}, is_amount_controllable=True)
    final = client.v1.test_helpers.issuing.authorizations.finalize_amount(held.id, {"final_amount": 6120})
    assert (final.amount, final.merchant_amount, sandbox.state.held_total) == (6120, 6120, 6120)
    assert receiver.wait_for(UPDATED)[0]["data"]["previous_attributes"]["amount"] == 100


def test_declined_authorization_can_be_neither_captured_nor_raised(
    receiver: Receiver, client: stripe.StripeClient, purchase: Callable[..., Any]
) -> None:
    receiver.decide = lambda _event: decline()
    helper, declined = client.v1.test_helpers.issuing.authorizations, purchase()
    for deed in (helper.capture, helper.reverse, helper.expire):
        with pytest.raises(stripe.InvalidRequestError):
            deed(declined.id)
    with pytest.raises(stripe.InvalidRequestError):
        helper.increment(declined.id, {"increment_amount": 1})


def test_refund_is_positive_and_never_more_than_the_capture(
    receiver: Receiver, client: stripe.StripeClient, purchase: Callable[..., Any]
) -> None:
    helper = client.v1.test_helpers.issuing
    captured = helper.authorizations.capture(purchase().id).transactions[0]
    part = helper.transactions.refund(captured.id, {"refund_amount": 1500})
    assert (part.amount, part.type, part.authorization) == (1500, "refund", captured.authorization)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        helper.transactions.refund(captured.id, {"refund_amount": 3001})
    assert caught.value.param == "refund_amount"
    assert helper.transactions.refund(captured.id).amount == 3000
    with pytest.raises(stripe.InvalidRequestError):
        helper.transactions.refund(captured.id)
    assert sorted(event["data"]["object"]["amount"] for event in receiver.wait_for(POSTED, 3)) == [-4500, 1500, 3000]


def test_force_capture_comes_without_an_authorization(
    receiver: Receiver, client: stripe.StripeClient, sandbox: RunningSandbox
) -> None:
    balance = sandbox.state.issuing_balance
    posting = client.v1.test_helpers.issuing.transactions.create_force_capture(
        {"card": CARD, "amount": 900, "merchant_data": {"category": "taxicabs_limousines"}}
    )
    assert (posting.amount, posting.authorization, posting.type) == (-900, None, "capture")
    assert posting.merchant_data.category_code == "4121"
    assert receiver.wait_for(POSTED)[0]["data"]["object"]["id"] == posting.id
    assert sandbox.state.issuing_balance == balance - 900


def test_unlinked_refund(receiver: Receiver, client: stripe.StripeClient) -> None:
    posting = client.v1.test_helpers.issuing.transactions.create_unlinked_refund({"card": CARD, "amount": 900})
    assert (posting.amount, posting.authorization, posting.type) == (900, None, "refund")
    receiver.wait_for(POSTED)


def test_records_can_be_read_back_and_noted_on(
    receiver: Receiver, client: stripe.StripeClient, purchase: Callable[..., Any]
) -> None:
    kept, captured = purchase(), purchase()
    client.v1.test_helpers.issuing.authorizations.capture(captured.id)
    pending = client.v1.issuing.authorizations.list({"card": CARD, "status": "pending"}).data
    assert [authorization.id for authorization in pending] == [kept.id]
    posting = client.v1.issuing.transactions.list({"type": "capture"}).data[0]
    shown = client.v1.issuing.transactions.retrieve(posting.id, {"expand": ["authorization", "cardholder"]})
    assert shown.authorization.id == captured.id
    assert shown.cardholder.name == "Demo User"
    noted = client.v1.issuing.authorizations.update(kept.id, {"metadata": {"seen": "yes"}})
    assert noted.metadata["seen"] == "yes"
    assert client.v1.issuing.transactions.update(posting.id, {"metadata": {"a": "b"}}).metadata["a"] == "b"
    receiver.wait_for("issuing_transaction.updated")
