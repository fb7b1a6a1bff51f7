"""Saved cards: whose they are, and who may not use them."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.sandbox.tests.conftest import CITI, CUSTOMER

pytestmark = pytest.mark.only_in_proofs

CARD: Any = {"number": "4242 4242 4242 4242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}


def test_world_has_the_four_cards(client: stripe.StripeClient) -> None:
    saved = client.v1.payment_methods.list({"customer": CUSTOMER, "type": "card"}).data
    assert {(method.card.brand, method.card.last4) for method in saved} == {
        ("visa", "4242"),
        ("amex", "8431"),
        ("mastercard", "4444"),
        ("discover", "1117"),
    }
    assert len({method.card.fingerprint for method in saved}) == 4


def test_same_number_has_the_same_fingerprint(client: stripe.StripeClient) -> None:
    first, second = (client.v1.payment_methods.create({"type": "card", "card": CARD}) for _ in range(2))
    assert first.id != second.id
    assert first.card.fingerprint == second.card.fingerprint
    assert (first.card.brand, first.card.last4, first.customer) == ("visa", "4242", None)


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ({**CARD, "number": "4242424242424241"}, "incorrect_number"),
        ({**CARD, "number": "hello"}, "incorrect_number"),
        ({**CARD, "exp_year": 2020}, "expired_card"),
    ],
)
def test_bad_card(client: stripe.StripeClient, card: Any, code: str) -> None:
    with pytest.raises(stripe.CardError) as caught:
        client.v1.payment_methods.create({"type": "card", "card": card})
    assert caught.value.code == code


@pytest.mark.parametrize("card", [{"number": "4242424242424242"}, {"token": "tok_unheard_of"}, {}])
def test_incomplete_card(client: stripe.StripeClient, card: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_methods.create({"type": "card", "card": card})


def test_attach_charge_detach(client: stripe.StripeClient, charge: Callable[..., Any]) -> None:
    method = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_amex"}})
    assert client.v1.payment_methods.attach(method.id, {"customer": CUSTOMER}).customer == CUSTOMER
    assert charge(payment_method=method.id).status == "succeeded"
    assert client.v1.payment_methods.detach(method.id).customer is None
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        charge(payment_method=method.id)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        client.v1.payment_methods.attach(method.id, {"customer": CUSTOMER})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_methods.detach(method.id)


def test_foreign_method_is_refused(client: stripe.StripeClient, charge: Callable[..., Any]) -> None:
    other = client.v1.customers.create({"name": "Other", "email": "other@example.com", "metadata": {"a": "b"}})
    assert client.v1.customers.retrieve(other.id).email == "other@example.com"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        charge(customer=other.id, payment_method=CITI)
    assert caught.value.param == "payment_method"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create({"amount": 900, "currency": "usd", "payment_method": CITI})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_methods.attach(CITI, {"customer": other.id})
    assert client.v1.payment_intents.list().data == []


def test_unattached_method_pays_once(client: stripe.StripeClient, charge: Callable[..., Any]) -> None:
    method = client.v1.payment_methods.create({"type": "card", "card": CARD})
    assert charge(payment_method=method.id).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        charge(payment_method=method.id)


def test_well_known_id_becomes_a_new_method(client: stripe.StripeClient) -> None:
    shown = client.v1.payment_methods.retrieve("pm_card_mastercard")
    assert (shown.card.brand, shown.id == "pm_card_mastercard") == ("mastercard", False)
