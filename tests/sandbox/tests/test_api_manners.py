"""What every call has in common: keys, errors, paging, expansion, headers, connections."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
import stripe

from tests.sandbox.forms import FormError, parse_form
from tests.sandbox.running import DEFAULT_API_KEY, RunningSandbox
from tests.sandbox.tests.conftest import CITI, CUSTOMER, make_client

pytestmark = pytest.mark.only_in_proofs


def test_root_describes_itself(sandbox: RunningSandbox) -> None:
    answer = requests.get(sandbox.url, timeout=5)
    assert (answer.status_code, answer.json()["speaks"]) == (200, "Stripe /v1, Marqeta /v3")


@pytest.mark.parametrize("key", ["sk_test_wrong", "other"])
def test_wrong_key(sandbox: RunningSandbox, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError) as caught:
        make_client(sandbox, api_key=key).v1.customers.retrieve(CUSTOMER)
    assert caught.value.http_status == 401
    assert key not in str(caught.value.user_message)


def test_key_as_a_user_name(sandbox: RunningSandbox) -> None:
    url = f"{sandbox.url}/v1/customers/{CUSTOMER}"
    assert requests.get(url, auth=(DEFAULT_API_KEY, ""), timeout=5).status_code == 200
    assert requests.get(url, timeout=5).status_code == 401
    assert requests.get(url, headers={"Authorization": "Basic ÿ%"}, timeout=5).status_code == 401


def test_missing_object_has_stripes_shape(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.retrieve("pi_nothing")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    assert caught.value.error.type == "invalid_request_error"
    assert "pi_nothing" in caught.value.error.message


def test_unknown_address(sandbox: RunningSandbox) -> None:
    headers = {"Authorization": f"Bearer {DEFAULT_API_KEY}"}
    for method, path in (("GET", "/v1/unicorns"), ("DELETE", "/v1/customers/cus_x"), ("GET", "/nowhere")):
        answer = requests.request(method, sandbox.url + path, headers=headers, timeout=5)
        assert (answer.status_code, answer.json()["error"]["type"]) == (404, "invalid_request_error")


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"colour": "red"}, "colour"),
        ({"spending_controls": {"limits": ["x"]}}, "spending_controls[limits]"),
        (
            {"spending_controls": {"spending_limits": [{"amount": 1, "per": "day"}]}},
            "spending_controls[spending_limits][0][per]",
        ),
    ],
)
def test_unknown_parameter_is_named(client: stripe.StripeClient, params: Any, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.issuing.cards.update("ic_1S769SQLFtcEJSwHLTAnsvQe", params)
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, "parameter_unknown", param)


def test_missing_parameter_is_named(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.create({"currency": "usd"})  # type: ignore[typeddict-item]
    assert (caught.value.code, caught.value.param) == ("parameter_missing", "amount")


@pytest.mark.parametrize(
    "metadata", [{"k": "v" * 501}, {"k" * 41: "v"}, {str(number): "v" for number in range(51)}, {"a": {"b": "c"}}]
)
def test_metadata_has_bounds(client: stripe.StripeClient, metadata: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.create({"metadata": metadata})


def test_metadata_keys_may_be_digits(client: stripe.StripeClient) -> None:
    assert client.v1.customers.create({"metadata": {"7": "x"}}).metadata.to_dict() == {"7": "x"}


def test_pages(client: stripe.StripeClient, charge: Callable[..., Any]) -> None:
    ids = [charge(amount=100 + number).id for number in range(7)]
    client.v1.payment_intents.create({"amount": 100, "currency": "usd"})
    listing = client.v1.payment_intents
    page = listing.list({"customer": CUSTOMER, "limit": 3})
    assert ([intent.id for intent in page.data], page.has_more) == (ids[:3:-1], True)
    assert [intent.id for intent in page.auto_paging_iter()] == ids[::-1]
    last = listing.list({"customer": CUSTOMER, "limit": 3, "starting_after": ids[1]})
    assert ([intent.id for intent in last.data], last.has_more) == ([ids[0]], False)
    newer = listing.list({"customer": CUSTOMER, "limit": 2, "ending_before": ids[3]})
    assert ([intent.id for intent in newer.data], newer.has_more) == ([ids[5], ids[4]], True)
    for wrong in ({"limit": 101}, {"limit": 0}, {"starting_after": "pi_nothing"}):
        with pytest.raises(stripe.InvalidRequestError):
            listing.list(wrong)  # type: ignore[arg-type]


def test_created_filters(client: stripe.StripeClient, charge: Callable[..., Any], sandbox: RunningSandbox) -> None:
    intent = charge()
    at = 1_700_000_000
    sandbox.state.objects["payment_intent"][intent.id]["created"] = at
    found = [
        len(client.v1.payment_intents.list({"created": created}).data)  # type: ignore[typeddict-item]
        for created in ({"gte": at}, {"gt": at}, {"lte": at}, {"lt": at}, at, {"gte": at - 5, "lt": at + 1}, at + 1)
    ]
    assert found == [1, 0, 1, 0, 1, 1, 0]
    assert len(client.v1.payment_intents.list({"created": {"gte": int(time.time()) - 60}}).data) == 0


def test_expansion(client: stripe.StripeClient, charge: Callable[..., Any]) -> None:
    charge()
    page = client.v1.payment_intents.list({"expand": ["data.latest_charge.customer"]})
    assert page.data[0].latest_charge.customer.name == "Demo User"
    for wrong in (["latest_charge"], ["data.amount"], ["data.latest_charge.refunds"]):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.payment_intents.list({"expand": wrong})


def test_headers_and_kept_connections(sandbox: RunningSandbox) -> None:
    with requests.Session() as session:
        session.headers.update({"Authorization": f"Bearer {DEFAULT_API_KEY}", "Stripe-Version": "2024-06-20"})
        answers = [session.get(f"{sandbox.url}/v1/payment_methods/{CITI}", timeout=5) for _ in range(3)]
    assert {answer.headers["Stripe-Version"] for answer in answers} == {"2024-06-20"}
    assert len({answer.headers["Request-Id"] for answer in answers}) == 3
    assert len(sandbox.server.connections) <= 1


def test_oversized_body_is_cut_off(sandbox: RunningSandbox) -> None:
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{sandbox.url}/v1/customers", data=b"a" * 1_000_001, timeout=5)


@pytest.mark.parametrize("body", ["a=1&a[b]=2", "a[b]=2&a=1", "a=1&a=2", "a[b=1", "[a]=1", "a" + "[b]" * 20 + "=1"])
def test_contradicting_forms(sandbox: RunningSandbox, body: str) -> None:
    with pytest.raises(FormError):
        parse_form(body)
    headers = {"Authorization": f"Bearer {DEFAULT_API_KEY}", "Content-Type": "application/x-www-form-urlencoded"}
    answer = requests.post(f"{sandbox.url}/v1/customers", data=body, headers=headers, timeout=5)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_forms() -> None:
    assert parse_form("a[b][c]=1&a[b][d]=&e[]=x&e[]=y&f=%C3%A9+%26") == {
        "a": {"b": {"c": "1", "d": ""}},
        "e": {"0": "x", "1": "y"},
        "f": "é &",
    }
