"""Ephemeral keys: for one card and one nonce, with the API version named."""

import time
from typing import Any

import pytest
import requests
import stripe

from tests.sandbox.running import DEFAULT_API_KEY, RunningSandbox
from tests.sandbox.tests.conftest import CARD, make_client

pytestmark = pytest.mark.only_in_proofs

VERSION: Any = {"stripe_version": "2024-06-20"}


def test_a_key_is_made_for_a_card(client: stripe.StripeClient) -> None:
    made = client.v1.ephemeral_keys.create({"issuing_card": CARD, "nonce": "n_1"}, VERSION).to_dict()
    assert made["associated_objects"] == [{"type": "issuing.card", "id": CARD}]
    assert made["secret"].startswith("ek_test_")
    assert 0 < made["expires"] - time.time() <= 3600
    again = client.v1.ephemeral_keys.create({"issuing_card": CARD, "nonce": "n_2"}, VERSION)
    assert again.secret != made["secret"]


def test_the_version_must_be_named(sandbox: RunningSandbox) -> None:
    answer = requests.post(
        f"{sandbox.url}/v1/ephemeral_keys",
        data={"issuing_card": CARD, "nonce": "n_1"},
        headers={"Authorization": f"Bearer {DEFAULT_API_KEY}"},
        timeout=5,
    )
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert "Stripe-Version" in answer.json()["error"]["message"]


@pytest.mark.parametrize("params", [{"issuing_card": CARD}, {"nonce": "n"}, {"issuing_card": CARD, "nonce": ""}])
def test_card_and_nonce_are_both_needed(client: stripe.StripeClient, params: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.ephemeral_keys.create(params, VERSION)


def test_an_unknown_card_has_no_key(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.ephemeral_keys.create({"issuing_card": "ic_nothing", "nonce": "n"}, VERSION)
    assert caught.value.code == "resource_missing"


def test_the_address_has_the_faults_of_its_neighbours(sandbox: RunningSandbox) -> None:
    once = make_client(sandbox, max_network_retries=0)
    sandbox.order(path="/v1/ephemeral_keys", do="error_500")
    with pytest.raises(stripe.APIError):
        once.v1.ephemeral_keys.create({"issuing_card": CARD, "nonce": "n"}, VERSION)
    with pytest.raises(stripe.AuthenticationError):
        make_client(sandbox, api_key="sk_test_wrong").v1.ephemeral_keys.create(
            {"issuing_card": CARD, "nonce": "n"}, VERSION
        )
    assert once.v1.ephemeral_keys.create({"issuing_card": CARD, "nonce": "n"}, VERSION).secret
