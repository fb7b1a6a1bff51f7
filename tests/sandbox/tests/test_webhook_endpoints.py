"""Endpoints made over either API: refused as the real ones refuse, and fed with what they asked for."""

from typing import Any

import pytest
import stripe

from tests.sandbox.running import RunningSandbox
from tests.sandbox.tests.marqeta import PASSWORD, PRODUCT, SOURCE, Api, MarqetaReceiver
from tests.sandbox.tests.receiver import SECRET, Json, Receiver, running_receiver

pytestmark = pytest.mark.only_in_proofs
GOOD: Json = {"url": "https://card.example.com/hook", "enabled_events": ["customer.deleted"]}


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"enabled_events": ["customer.vanished"]}, "enabled_events"),
        ({"enabled_events": ["*", "customer.deleted"]}, "enabled_events"),
        ({"url": "card.example.com"}, "url"),
        ({"url": "http://card.example.com/hook"}, "url"),
        ({"api_version": "2020-13-01"}, "api_version"),
    ],
)
def test_what_stripe_refuses_is_refused(client: stripe.StripeClient, changes: Json, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.webhook_endpoints.create(GOOD | changes)  # type: ignore[arg-type]

    assert refused.value.param == param
    assert not client.v1.webhook_endpoints.list().data


def test_the_secret_is_shown_once_and_the_version_stays(client: stripe.StripeClient) -> None:
    made = client.v1.webhook_endpoints.create({**GOOD, "api_version": "2024-06-20"})  # type: ignore[typeddict-item]
    assert made.secret
    assert made.secret.startswith("whsec_")

    read = client.v1.webhook_endpoints.retrieve(made.id)
    changed = client.v1.webhook_endpoints.update(made.id, {"disabled": True})

    assert (getattr(read, "secret", None), changed.status, changed.api_version) == (None, "disabled", "2024-06-20")
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter"):
        client.v1.webhook_endpoints.update(made.id, {"api_version": "2026-10-28.endive"})  # type: ignore[typeddict-unknown-key]


def test_an_account_has_at_most_sixteen(client: stripe.StripeClient) -> None:
    for _ in range(16):
        client.v1.webhook_endpoints.create(GOOD)  # type: ignore[arg-type]

    with pytest.raises(stripe.InvalidRequestError, match="maximum of 16"):
        client.v1.webhook_endpoints.create(GOOD)  # type: ignore[arg-type]
    client.v1.webhook_endpoints.delete(client.v1.webhook_endpoints.list().data[0].id)
    assert client.v1.webhook_endpoints.create(GOOD).id  # type: ignore[arg-type]


def test_an_endpoint_gets_its_events_in_its_version_while_it_is_enabled(
    sandbox: RunningSandbox, client: stripe.StripeClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.sandbox.stripe.webhook_endpoints.secrets.token_hex", lambda _size: SECRET[6:])
    with running_receiver() as ours:
        made = client.v1.webhook_endpoints.create(
            {"url": ours.url, "enabled_events": ["customer.deleted"], "api_version": "2024-06-20"}
        )
        client.v1.customers.delete(client.v1.customers.create({}).id)
        client.v1.issuing.cards.update("ic_1S769SQLFtcEJSwHLTAnsvQe", {"metadata": {"a": "b"}})
        (told,) = ours.wait_for("customer.deleted")
        receiver.wait_for("issuing_card.updated")

        client.v1.webhook_endpoints.update(made.id, {"disabled": True})
        client.v1.customers.delete(client.v1.customers.create({}).id)
        receiver.wait_for("customer.deleted", 2)

        assert told["api_version"] == "2024-06-20"
        assert [event["type"] for event in ours.events] == ["customer.deleted"]
    assert receiver.of_type("customer.deleted")[0]["api_version"] == sandbox.sandbox.settings.api_version


WITHOUT_LOGIN: Json = {"url": "https://card.example.com", "basic_auth_username": "us"}


@pytest.mark.parametrize(
    "changes",
    [
        {"events": ["transaction.authorization.*"]},
        {"events": ["purchase.*"]},
        {"events": []},
        {"config": {**WITHOUT_LOGIN, "basic_auth_password": "short"}},
        {"config": {**WITHOUT_LOGIN, "basic_auth_password": PASSWORD, "url": "http://card.example.com"}},
        {"config": WITHOUT_LOGIN},
    ],
)
def test_what_marqeta_refuses_of_a_webhook_is_refused(api: Api, changes: Json) -> None:
    body: Json = {"token": "ours", "name": "Ours", "events": ["*"]}
    body["config"] = {**WITHOUT_LOGIN, "basic_auth_password": PASSWORD}

    api.post("webhooks", body | changes, status=400)

    assert api.call("GET", "webhooks/ours").status_code == 404
    api.post("webhooks", body)
    api.post("webhooks", body | {"name": "Others"}, status=409)


def bound(**gateway: Any) -> Json:
    return {"config": {"jit_funding": {"programgateway_funding_source": gateway}}}


def test_a_card_product_is_bound_to_its_gateway_and_let_go(api: Api, program: MarqetaReceiver) -> None:
    api.put(f"cardproducts/{PRODUCT}", bound(enabled=True), status=400)
    api.put(f"cardproducts/{PRODUCT}", bound(enabled=True, funding_source_token="no-such"), status=400)
    api.put(f"cardproducts/{PRODUCT}", bound(refunds_destination="ELSEWHERE"), status=400)
    api.put("cardproducts/no-such", {"name": "Ours"}, status=404)

    api.put(f"cardproducts/{PRODUCT}", bound(enabled=False))
    api.buy()
    assert not program.asked
    changed = api.put(f"cardproducts/{PRODUCT}", bound(enabled=True, funding_source_token=SOURCE))
    api.buy()

    assert len(program.asked) == 1
    assert changed["name"]
    assert changed["config"]["jit_funding"]["programgateway_funding_source"]["refunds_destination"] == "GATEWAY"


def test_wrong_credentials_reach_neither(sandbox: RunningSandbox, api: Api) -> None:
    stranger = stripe.StripeClient("sk_test_stranger", base_addresses={"api": sandbox.url})
    api.session.auth = ("sandbox_application_token", "wrong")

    with pytest.raises(stripe.AuthenticationError):
        stranger.v1.webhook_endpoints.list()
    assert api.call("GET", "webhooks").status_code == 401
    assert api.call("PUT", f"cardproducts/{PRODUCT}", json={}).status_code == 401
