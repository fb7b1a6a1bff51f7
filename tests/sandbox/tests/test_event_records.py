"""The list of events: all that were made, with the same JSON as delivered, whether or not they ever arrived."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
import stripe

from tests.sandbox.running import DEFAULT_API_KEY, RunningSandbox
from tests.sandbox.tests.conftest import CARD, make_client
from tests.sandbox.tests.receiver import Receiver

pytestmark = pytest.mark.only_in_proofs


def listed(sandbox: RunningSandbox, **params: Any) -> Any:
    """The answer's JSON as it came over the wire."""
    headers = {"Authorization": f"Bearer {DEFAULT_API_KEY}"}
    answer = requests.get(f"{sandbox.url}/v1/events", params=params, headers=headers, timeout=5)
    assert answer.status_code == 200, answer.text
    return answer.json()


def change(client: stripe.StripeClient, times: int = 1) -> None:
    for number in range(times):
        client.v1.issuing.cards.update(CARD, {"metadata": {"number": str(number)}})


def test_the_list_holds_what_was_delivered_newest_first(
    sandbox: RunningSandbox, receiver: Receiver, purchase: Callable[..., Any]
) -> None:
    purchase()
    receiver.wait_for("issuing_authorization.created")
    told = listed(sandbox)
    assert (told["object"], told["url"], told["has_more"]) == ("list", "/v1/events", False)
    assert told["data"] == receiver.events[::-1]
    assert {event["type"] for event in told["data"]} >= {"issuing_authorization.request"}


def test_what_never_arrived_is_listed_too(
    sandbox: RunningSandbox, receiver: Receiver, client: stripe.StripeClient
) -> None:
    sandbox.order(webhook="issuing_card.updated", do="drop")
    change(client)
    sandbox.sandbox.outgoing.events_url = "http://127.0.0.1:9/"
    client.v1.customers.create({"name": "Nobody hears of this"})
    change(client)
    assert [event["type"] for event in listed(sandbox, type="issuing_card.*")["data"]] == ["issuing_card.updated"] * 2
    assert receiver.of_type("issuing_card.updated") == []


def test_one_event_is_shown_by_its_id(sandbox: RunningSandbox, client: stripe.StripeClient) -> None:
    change(client)
    event = listed(sandbox)["data"][0]
    assert client.v1.events.retrieve(event["id"]).type == "issuing_card.updated"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.events.retrieve("evt_nothing")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


def test_pages_meet_without_a_gap(sandbox: RunningSandbox, client: stripe.StripeClient) -> None:
    change(client, times=5)
    everything = [event["id"] for event in listed(sandbox)["data"]]
    assert len(everything) == 5
    assert [event.id for event in client.v1.events.list({"limit": 2}).auto_paging_iter()] == everything
    newer = client.v1.events.list({"limit": 2, "ending_before": everything[3]})
    assert ([event.id for event in newer.data], newer.has_more) == (everything[1:3], True)


def test_types_and_times_choose(sandbox: RunningSandbox, client: stripe.StripeClient) -> None:
    change(client)
    client.v1.issuing.cardholders.update(_holder(client), {"metadata": {"a": "b"}})
    of_both = client.v1.events.list({"types": ["issuing_card.updated", "issuing_cardholder.updated"]})
    assert [event.type for event in of_both.data] == ["issuing_cardholder.updated", "issuing_card.updated"]
    assert len(client.v1.events.list({"types": ["issuing_card.updated"]}).data) == 1
    assert len(client.v1.events.list({"type": "issuing_card.created"}).data) == 0
    created = of_both.data[0].created
    assert len(client.v1.events.list({"created": {"gte": created + 60}}).data) == 0
    assert len(client.v1.events.list({"created": {"gte": created - 60}}).data) == 2


@pytest.mark.parametrize(
    "params",
    [
        {"types": ["issuing_card.*"]},
        {"types": [f"kind.{number}" for number in range(21)]},
        {"types": ["a"], "type": "a"},
        {"limit": 101},
        {"starting_after": "evt_nothing"},
        {"colour": "red"},
    ],
)
def test_what_stripe_would_not_take_is_refused(client: stripe.StripeClient, params: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.events.list(params)


def test_no_event_holds_a_number(sandbox: RunningSandbox, client: stripe.StripeClient) -> None:
    number, _code = sandbox.state.card_secrets[CARD]
    client.v1.issuing.cards.retrieve(CARD, {"expand": ["number", "cvc"]})
    client.v1.issuing.cards.update(CARD, {"metadata": {"a": "b"}})
    told = json.dumps(listed(sandbox))
    assert CARD in told
    assert number not in told
    assert '"cvc":' not in told


def test_the_list_has_the_faults_of_its_neighbours(sandbox: RunningSandbox, client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.AuthenticationError):
        make_client(sandbox, api_key="sk_test_wrong").v1.events.list()
    for do, error in (("error_500", stripe.APIError), ("rate_limit", stripe.RateLimitError)):
        sandbox.order(path="/v1/events", method="GET", do=do)
        with pytest.raises(error):
            make_client(sandbox, max_network_retries=0).v1.events.list()
    assert client.v1.events.list().data == []


def test_a_reset_forgets_events(sandbox: RunningSandbox, client: stripe.StripeClient) -> None:
    change(client)
    gone = listed(sandbox)["data"][0]["id"]
    sandbox.reset()
    assert listed(sandbox)["data"] == []
    assert not sandbox.sandbox.resend(gone)


def _holder(client: stripe.StripeClient) -> str:
    return str(client.v1.issuing.cards.retrieve(CARD).cardholder.id)
