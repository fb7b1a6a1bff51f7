"""Charges of funding cards: every outcome, and what cannot be done."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.sandbox.running import RunningSandbox
from tests.sandbox.tests.conftest import CITI, CUSTOMER
from tests.sandbox.tests.receiver import Receiver

pytestmark = pytest.mark.only_in_proofs


def test_off_session_charge_succeeds(
    receiver: Receiver, client: stripe.StripeClient, charge: Callable[..., Any]
) -> None:
    intent = charge(metadata={"authorization": "iauth_x"}, expand=["latest_charge", "payment_method"], key="k")
    assert (intent.status, intent.amount_received, intent.customer) == ("succeeded", 4500, CUSTOMER)
    assert intent.latest_charge.payment_method_details.card.last4 == "4444"
    assert intent.latest_charge.outcome.type == "authorized"
    assert intent.payment_method.card.brand == "mastercard"
    event = receiver.wait_for("payment_intent.succeeded")[0]
    assert event["data"]["object"]["metadata"] == {"authorization": "iauth_x"}
    assert event["data"]["object"]["latest_charge"] == intent.latest_charge.id
    assert event["request"] == {"id": intent.last_response.headers["Request-Id"], "idempotency_key": "k"}
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_authenticationRequired", "authentication_required", "authentication_required"),
    ],
)
def test_well_known_cards_decline(
    receiver: Receiver,
    client: stripe.StripeClient,
    charge: Callable[..., Any],
    method: str,
    code: str,
    decline_code: str,
) -> None:
    saved = client.v1.payment_methods.attach(method, {"customer": CUSTOMER})
    with pytest.raises(stripe.CardError) as caught:
        charge(payment_method=saved.id)
    error = caught.value.error
    assert (error.code, error.decline_code) == (code, decline_code)
    assert error.payment_intent.last_payment_error.decline_code == decline_code
    assert error.payment_method.id == saved.id
    assert error.charge == error.payment_intent.latest_charge
    failed = receiver.wait_for("payment_intent.payment_failed")[0]["data"]["object"]
    assert (failed["id"], failed["status"]) == (error.payment_intent.id, "requires_payment_method")


@pytest.mark.parametrize("method", ["pm_card_visa", "pm_card_mastercard", "pm_card_amex"])
def test_well_known_cards_pay(charge: Callable[..., Any], method: str) -> None:
    intent = charge(payment_method=method)
    assert intent.status == "succeeded"
    assert intent.payment_method != method


def test_user_present_means_an_action_not_a_decline(charge: Callable[..., Any]) -> None:
    intent = charge(payment_method="pm_card_authenticationRequired", off_session=False)
    assert intent.status == "requires_action"


def test_error_on_requires_action(charge: Callable[..., Any]) -> None:
    with pytest.raises(stripe.CardError) as caught:
        charge(payment_method="pm_card_authenticationRequired", off_session=False, error_on_requires_action=True)
    assert caught.value.error.code == "authentication_required"


@pytest.mark.parametrize("amount", [1, 49])
def test_too_small(charge: Callable[..., Any], client: stripe.StripeClient, amount: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        charge(amount=amount)
    assert (caught.value.code, caught.value.param) == ("amount_too_small", "amount")
    assert client.v1.payment_intents.list().data == []
    assert charge(amount=50).status == "succeeded"
    assert charge(amount=amount, currency="jpy").status == "succeeded"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": 100_000_000}, "amount"),
        ({"customer": "cus_nobody"}, "customer"),
        ({"payment_method": "pm_nothing"}, "payment_method"),
        ({"confirm": False}, "off_session"),
        ({"payment_method": ""}, "payment_method"),
        ({"capture_method": "later"}, "capture_method"),
    ],
)
def test_bad_parameters(charge: Callable[..., Any], client: stripe.StripeClient, change: Any, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        charge(**change)
    assert (caught.value.http_status, caught.value.param) == (400, param)
    assert client.v1.payment_intents.list().data == []


def test_steps_one_by_one(client: stripe.StripeClient, receiver: Receiver) -> None:
    intents = client.v1.payment_intents
    intent = intents.create({"amount": 900, "currency": "usd", "customer": CUSTOMER})
    assert intent.status == "requires_payment_method"
    with pytest.raises(stripe.InvalidRequestError):
        intents.confirm(intent.id)
    assert intents.confirm(intent.id, {"payment_method": CITI, "off_session": True}).status == "succeeded"
    for deed in (intents.confirm, intents.cancel, intents.capture):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            deed(intent.id)
        assert caught.value.code == "payment_intent_unexpected_state"
    assert intents.create({"amount": 900, "currency": "usd", "payment_method": CITI, "customer": CUSTOMER}).status == (
        "requires_confirmation"
    )
    receiver.wait_for("payment_intent.succeeded")


def test_another_method_after_a_decline(
    client: stripe.StripeClient, charge: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    sandbox.order(path="/v1/payment_intents", do="decline")
    with pytest.raises(stripe.CardError) as caught:
        charge()
    again = client.v1.payment_intents.confirm(caught.value.error.payment_intent.id, {"payment_method": CITI})
    assert (again.status, again.last_payment_error) == ("succeeded", None)


def test_manual_capture_takes_a_part(
    client: stripe.StripeClient, charge: Callable[..., Any], receiver: Receiver
) -> None:
    intent = charge(capture_method="manual")
    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("requires_capture", 4500, 0)
    receiver.wait_for("payment_intent.amount_capturable_updated")
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 4501})
    captured = client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 3000})
    assert (captured.status, captured.amount_received, captured.amount_capturable) == ("succeeded", 3000, 0)
    receiver.wait_for("payment_intent.succeeded")


def test_cancel_releases(client: stripe.StripeClient, charge: Callable[..., Any], receiver: Receiver) -> None:
    intent = charge(capture_method="manual")
    canceled = client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "duplicate"})
    assert (canceled.status, canceled.amount_capturable, canceled.cancellation_reason) == ("canceled", 0, "duplicate")
    receiver.wait_for("payment_intent.canceled")


def test_refunds_add_up_to_the_charge_and_no_further(
    client: stripe.StripeClient, charge: Callable[..., Any], receiver: Receiver
) -> None:
    intent = charge()
    part = client.v1.refunds.create({"payment_intent": intent.id, "amount": 1500, "metadata": {"case": "7"}})
    assert (part.status, part.amount, part.charge) == ("succeeded", 1500, intent.latest_charge)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": intent.id, "amount": 3001})
    assert caught.value.param == "amount"
    assert client.v1.refunds.create({"charge": intent.latest_charge, "reason": "duplicate"}).amount == 3000
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_already_refunded"
    refunded = [event["data"]["object"]["amount_refunded"] for event in receiver.wait_for("charge.refunded", 2)]
    assert sorted(refunded) == [1500, 4500]
    listed = client.v1.refunds.list({"payment_intent": intent.id}).data
    assert [refund.amount for refund in listed] == [3000, 1500]
    assert client.v1.refunds.retrieve(part.id, {"expand": ["charge"]}).charge.refunded is True


def test_only_a_paid_charge_can_be_refunded(client: stripe.StripeClient, charge: Callable[..., Any]) -> None:
    open_intent = client.v1.payment_intents.create({"amount": 900, "currency": "usd"})
    for given in ({"payment_intent": open_intent.id}, {"payment_intent": charge(capture_method="manual").id}, {}):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.refunds.create(given)  # type: ignore[arg-type]
