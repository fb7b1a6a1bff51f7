"""Saving a card for a customer: setup intents, the hosted page, and what Stripe refuses."""

from typing import Any

import pytest
import stripe

from tests.sandbox.tests.conftest import CITI, CUSTOMER

pytestmark = pytest.mark.only_in_proofs

NEW: Any = {"customer": CUSTOMER, "usage": "off_session", "payment_method_types": ["card"]}


def helper(client: stripe.StripeClient, path: str, **params: Any) -> Any:
    """A helper of the sandbox that Stripe's own package does not know."""
    return client.raw_request("post", f"/v1/test_helpers/{path}", **params)


def test_a_confirmed_setup_saves_the_card_for_its_customer(client: stripe.StripeClient) -> None:
    intent = client.v1.setup_intents.create(NEW)
    assert intent.status == "requires_payment_method"
    assert intent.client_secret is not None
    assert intent.client_secret.startswith(f"{intent.id}_secret_")

    done = client.v1.setup_intents.confirm(intent.id, {"payment_method": "pm_card_visa_debit"})

    assert done.status == "succeeded"
    read = client.v1.setup_intents.retrieve(intent.id, {"expand": ["payment_method"]}).to_dict()
    saved = read["payment_method"]
    assert (saved["customer"], saved["card"]["funding"], saved["card"]["last4"]) == (CUSTOMER, "debit", "5556")
    assert client.v1.setup_intents.list({"customer": CUSTOMER}).data[0].id == intent.id


def test_a_declined_card_is_not_saved(client: stripe.StripeClient) -> None:
    intent = client.v1.setup_intents.create(NEW)
    with pytest.raises(stripe.CardError) as caught:
        client.v1.setup_intents.confirm(intent.id, {"payment_method": "pm_card_chargeDeclined"})
    assert caught.value.code == "card_declined"
    read = client.v1.setup_intents.retrieve(intent.id)
    assert (read.status, read.payment_method) == ("requires_payment_method", None)


@pytest.mark.parametrize(("outcome", "status"), [("succeeds", "succeeded"), ("fails", "requires_payment_method")])
def test_a_bank_may_ask_the_person_first(client: stripe.StripeClient, outcome: str, status: str) -> None:
    intent = client.v1.setup_intents.create(NEW)
    asked = client.v1.setup_intents.confirm(intent.id, {"payment_method": "pm_card_authenticationRequired"})
    assert asked.status == "requires_action"
    helper(client, f"setup_intents/{intent.id}/authenticate", outcome=outcome)
    assert client.v1.setup_intents.retrieve(intent.id).status == status


def test_a_canceled_setup_cannot_be_confirmed(client: stripe.StripeClient) -> None:
    intent = client.v1.setup_intents.create(NEW)
    assert client.v1.setup_intents.cancel(intent.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.setup_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert caught.value.code == "setup_intent_unexpected_state"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"customer": "cus_nobody"}, "resource_missing"),
        ({"usage": "sometimes"}, None),
        ({"payment_method": "pm_nothing"}, "resource_missing"),
        ({"card": "4242"}, "parameter_unknown"),
        ({"automatic_payment_methods": {"enabled": True}}, None),
    ],
)
def test_wrong_parameters_are_refused(client: stripe.StripeClient, change: Any, code: str | None) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.setup_intents.create({**NEW, **change})
    assert caught.value.code == code


def test_a_deleted_customer_gets_no_setup(client: stripe.StripeClient) -> None:
    client.v1.customers.delete(CUSTOMER)
    assert client.v1.customers.retrieve(CUSTOMER).to_dict() == {
        "id": CUSTOMER,
        "object": "customer",
        "deleted": True,
    }
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.setup_intents.create(NEW)
    assert (caught.value.code, caught.value.param) == ("resource_missing", "customer")


def test_a_card_of_another_customer_is_refused(client: stripe.StripeClient) -> None:
    other = client.v1.customers.create({"name": "Other"})
    intent = client.v1.setup_intents.create({**NEW, "customer": other.id})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.setup_intents.confirm(intent.id, {"payment_method": CITI})


def test_the_hosted_page_saves_a_card_once(client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(
        {
            "mode": "setup",
            "customer": CUSTOMER,
            "payment_method_types": ["card"],
            "success_url": "https://example.com/thanks",
            "setup_intent_data": {"metadata": {"card_setup": "1"}},
        }
    )
    assert session.url is not None
    path = f"checkout/sessions/{session.id}/complete"
    helper(client, path, payment_method="pm_card_mastercard")

    intent = client.v1.setup_intents.retrieve(str(session.setup_intent))
    assert (intent.status, intent.metadata["card_setup"]) == ("succeeded", "1")  # type: ignore[index]
    with pytest.raises(stripe.InvalidRequestError):
        helper(client, path, payment_method="pm_card_mastercard")


def test_a_page_needs_an_address_to_return_to(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.checkout.sessions.create({"mode": "setup", "customer": CUSTOMER, "payment_method_types": ["card"]})
    assert caught.value.param == "success_url"
