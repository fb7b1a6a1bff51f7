"""What Stripe asks, how it reads the answer, and what it decides by itself."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.sandbox.running import RunningSandbox, running_sandbox
from tests.sandbox.settings import Settings
from tests.sandbox.tests.conftest import CARD, make_client
from tests.sandbox.tests.receiver import SECRET, VERSION, Receiver, approve, decline

pytestmark = pytest.mark.only_in_proofs

REQUEST = "issuing_authorization.request"
CREATED = "issuing_authorization.created"
UPDATED = "issuing_authorization.updated"

# The fields of an authorization that a product may read (docs/issuers/stripe.md, Real-time authorizations).
FIELDS = {
    "amount", "amount_details", "approved", "authorization_method", "balance_transactions", "card", "card_presence",
    "cardholder", "created", "currency", "fleet", "fraud_challenges", "fuel", "id", "livemode", "merchant_amount",
    "merchant_currency", "merchant_data", "metadata", "network_data", "object", "pending_request", "request_history",
    "status", "token", "transactions", "verification_data", "verified_by_fraud_challenge", "wallet",
}  # fmt: skip


def test_request_has_the_whole_shape(receiver: Receiver, purchase: Callable[..., Any]) -> None:
    merchant = {"category": "veterinary_services", "name": "Café VÉTÉRINAIRE", "country": "US"}
    purchase(merchant_data=merchant, authorization_method="contactless", wallet="apple_pay")
    event = receiver.wait_for(REQUEST)[0]
    asked = event["data"]["object"]
    assert set(asked) == FIELDS
    assert (asked["amount"], asked["approved"], asked["status"]) == (0, False, "pending")
    assert asked["request_history"] == asked["transactions"] == asked["balance_transactions"] == []
    assert asked["pending_request"] == {
        "amount": 4500,
        "amount_details": {"atm_fee": None, "cashback_amount": None},
        "currency": "usd",
        "is_amount_controllable": False,
        "merchant_amount": 4500,
        "merchant_currency": "usd",
        "network_risk_score": None,
    }
    assert asked["merchant_data"]["category_code"] == "0742"
    assert asked["merchant_data"]["name"] == "Café VÉTÉRINAIRE"
    assert (asked["card_presence"], asked["wallet"]) == ("present", "apple_pay")
    assert asked["cardholder"] == asked["card"]["cardholder"]["id"]
    assert (asked["card"]["id"], asked["card"]["last4"]) == (CARD, "0005")
    assert not {"number", "cvc"} & set(asked["card"])
    assert event["request"] == {"id": None, "idempotency_key": None}
    assert event["livemode"] is False


def test_approval_is_recorded_and_announced(
    receiver: Receiver, sandbox: RunningSandbox, purchase: Callable[..., Any]
) -> None:
    receiver.decide = lambda _event: approve(metadata={"one_card": "42"})
    authorization = purchase()
    assert (authorization.approved, authorization.amount, authorization.status) == (True, 4500, "pending")
    assert authorization.pending_request is None
    assert authorization.metadata.to_dict() == {"one_card": "42"}
    entry = authorization.request_history[0]
    assert (entry.amount, entry.approved, entry.reason) == (4500, True, "webhook_approved")
    assert authorization.balance_transactions[0].amount == -4500
    created = receiver.wait_for(CREATED)[0]
    assert created["data"]["object"]["id"] == authorization.id
    assert created["data"]["object"]["metadata"] == {"one_card": "42"}
    assert created["request"]["id"] == authorization.last_response.headers["Request-Id"]
    asked = sandbox.deliveries.find(event_type=REQUEST)[0]
    assert (asked.status, asked.headers["Server-Timing"]) == (200, "decide;dur=1.5")
    assert json.loads(asked.body)["approved"] is True
    assert 0 < asked.elapsed_ms < 600


def test_decline_closes_and_keeps_metadata(receiver: Receiver, purchase: Callable[..., Any]) -> None:
    receiver.decide = lambda _event: decline(metadata={"reason": "no_funding_card"})
    authorization = purchase()
    assert (authorization.approved, authorization.status, authorization.amount) == (False, "closed", 4500)
    assert authorization.request_history[0].reason == "webhook_declined"
    assert authorization.metadata["reason"] == "no_funding_card"
    assert receiver.wait_for(CREATED)[0]["data"]["object"]["approved"] is False


def test_every_delivery_is_signed_for_now(receiver: Receiver, purchase: Callable[..., Any]) -> None:
    purchase()
    receiver.wait_for(CREATED)
    assert len(receiver.signatures) == 2
    for signature in receiver.signatures:
        stamp, _, rest = signature.removeprefix("t=").partition(",")
        assert abs(time.time() - int(stamp)) < 5
        assert rest.startswith("v1=")


def test_no_answer_within_the_limit_is_a_timeout(receiver: Receiver, purchase: Callable[..., Any]) -> None:
    def sleep(_event: dict[str, Any]) -> Any:
        time.sleep(0.9)
        return approve()

    receiver.decide = sleep
    started = time.perf_counter()
    authorization = purchase()
    assert 0.55 < time.perf_counter() - started < 0.9
    assert (authorization.approved, authorization.status) == (False, "closed")
    assert authorization.request_history[0].reason == "webhook_timeout"


def test_the_limit_is_two_seconds_unless_set_otherwise() -> None:
    assert Settings(api_key="k", webhook_secret=SECRET, webhook_url=None).decision_timeout_s == 2.0


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ((500, VERSION, b'{"approved": true}'), "status 500"),
        ((201, VERSION, b'{"approved": true}'), "status 201"),
        ((307, {**VERSION, "Location": "/"}, b""), "status 307"),
        ((200, {}, b'{"approved": true}'), "Stripe-Version"),
        ((200, VERSION, b"<html>"), "JSON"),
        ((200, VERSION, b"[true]"), "boolean"),
        ((200, VERSION, b'{"approve": true}'), "boolean"),
        ((200, VERSION, b'{"approved": "true"}'), "boolean"),
        (approve(metadata={"a": 1}), "metadata"),
        (approve(metadata=["a"]), "metadata"),
    ],
)
def test_unusable_answer_is_a_webhook_error(
    receiver: Receiver, purchase: Callable[..., Any], reply: Any, says: str
) -> None:
    receiver.decide = lambda _event: reply
    authorization = purchase()
    entry = authorization.request_history[0]
    assert (authorization.approved, entry.reason) == (False, "webhook_error")
    assert says in entry.reason_message


def test_nobody_listening_is_a_webhook_error() -> None:
    with running_sandbox(webhook_url="http://127.0.0.1:9/", retry_delays_s=()) as sandbox:
        authorization = make_client(sandbox).v1.test_helpers.issuing.authorizations.create(
            {"card": CARD, "amount": 100}
        )
        assert authorization.request_history[0].reason == "webhook_error"


@pytest.mark.parametrize(
    ("controllable", "answered", "held"), [(True, 1500, 1500), (False, 1500, 4500), (True, 4500, 4500)]
)
def test_partial_approval_needs_a_controllable_amount(
    receiver: Receiver, purchase: Callable[..., Any], controllable: bool, answered: int, held: int
) -> None:
    receiver.decide = lambda _event: approve(amount=answered)
    authorization = purchase(is_amount_controllable=controllable)
    assert (authorization.approved, authorization.amount) == (True, held)
    assert authorization.merchant_amount == held


@pytest.mark.parametrize("amount", [0, -1, 4501, True, 1.5, 900])
def test_impossible_part_is_a_webhook_error(receiver: Receiver, purchase: Callable[..., Any], amount: object) -> None:
    receiver.decide = lambda _event: approve(amount=amount)
    authorization = purchase(is_amount_controllable=True, amount_details={"cashback_amount": 1000})
    assert authorization.request_history[0].reason == "webhook_error"


def test_zero_amount_is_asked_like_any_other(receiver: Receiver, purchase: Callable[..., Any]) -> None:
    assert purchase(amount=0).approved
    assert receiver.of_type(REQUEST)[0]["data"]["object"]["pending_request"]["amount"] == 0


def test_purchase_abroad_is_held_in_the_cards_currency(receiver: Receiver, client: stripe.StripeClient) -> None:
    authorization = client.v1.test_helpers.issuing.authorizations.create(
        {"card": CARD, "merchant_amount": 3200, "merchant_currency": "jpy"}
    )
    assert (authorization.amount, authorization.currency) == (2144, "usd")
    assert (authorization.merchant_amount, authorization.merchant_currency) == (3200, "jpy")
    asked = receiver.of_type(REQUEST)[0]["data"]["object"]["pending_request"]
    assert (asked["amount"], asked["merchant_amount"]) == (2144, 3200)


def test_increment_repeats_the_id_and_asks_only_for_the_extra(
    receiver: Receiver, client: stripe.StripeClient, purchase: Callable[..., Any]
) -> None:
    first = purchase(amount=2000)
    receiver.decide = lambda _event: approve(metadata={"round": "2"})
    second = client.v1.test_helpers.issuing.authorizations.increment(first.id, {"increment_amount": 500})
    asked = receiver.of_type(REQUEST)[1]["data"]["object"]
    assert (asked["id"], asked["amount"], asked["approved"]) == (first.id, 2000, True)
    assert asked["pending_request"]["amount"] == 500
    assert [entry["amount"] for entry in asked["request_history"]] == [2000]
    assert (second.id, second.amount, second.status) == (first.id, 2500, "pending")
    assert [entry.amount for entry in second.request_history] == [2000, 500]
    assert [entry.amount for entry in second.balance_transactions] == [-2000, -500]
    updated = receiver.wait_for(UPDATED)[0]["data"]
    assert updated["object"]["amount"] == 2500
    assert updated["previous_attributes"]["amount"] == 2000
    assert len(receiver.of_type(CREATED)) == 1


def test_declined_increment_leaves_the_hold(
    receiver: Receiver, client: stripe.StripeClient, purchase: Callable[..., Any]
) -> None:
    first = purchase(amount=2000)
    receiver.decide = lambda _event: decline()
    second = client.v1.test_helpers.issuing.authorizations.increment(first.id, {"increment_amount": 500})
    assert (second.approved, second.status, second.amount) == (True, "pending", 2000)
    assert [entry.reason for entry in second.request_history] == ["webhook_approved", "webhook_declined"]


def test_two_increments_at_once_are_kept_apart(
    receiver: Receiver, client: stripe.StripeClient, purchase: Callable[..., Any]
) -> None:
    first = purchase(amount=2000)
    inner: list[Any] = []

    def increment_again(_event: dict[str, Any]) -> Any:
        try:
            client.v1.test_helpers.issuing.authorizations.increment(first.id, {"increment_amount": 700})
        except stripe.RateLimitError as error:
            inner.append(error.error.code)
        return approve()

    receiver.decide = increment_again
    second = client.v1.test_helpers.issuing.authorizations.increment(first.id, {"increment_amount": 500})
    assert inner == ["lock_timeout"]
    assert second.amount == 2500


def test_unknown_category_is_refused(client: stripe.StripeClient, purchase: Callable[..., Any]) -> None:
    for category in ("restaurants", "miscellaneous"):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            purchase(merchant_data={"category": category})
        assert caught.value.param == "merchant_data[category]"
    assert client.v1.issuing.authorizations.list().data == []
