"""An issuer lists its events under the ids of its webhook, so only missed events are new to the inbox."""

import copy
import datetime as dt
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from issuing.handlers import dispatch
from issuing.inbox import deliveries as inbox
from issuing.inbox.bodies import body_of
from issuing.issuers.base import MissedEvent, NetworkError
from issuing.issuers.marqeta import event_history as marqeta_history
from issuing.issuers.messages import Envelope
from issuing.issuers.stripe import event_history
from issuing.models import IssuerEvent
from onecard.kit import exact_json
from tests.issuing.issuers.test_lists import all_events
from tests.issuing.issuers.worlds import World, marqeta_settings, new_key, order_for, world_of
from tests.journeys.conftest import our_program
from tests.sandbox.running import RunningSandbox
from tests.support.sandboxes import processor_sandbox


@pytest.fixture
def told(our_server: str) -> Iterator[RunningSandbox]:
    """Both issuers, with their webhooks at our own door."""
    program = our_program()
    doors = {
        "webhook_url": f"{our_server}/stripe-webhook",
        "marqeta_gateway_url": f"{our_server}/api/webhooks/marqeta/jit",
        "marqeta_webhook_url": f"{our_server}/api/webhooks/marqeta",
    }
    with (
        processor_sandbox(marqeta=program, **doors) as sandbox,
        override_settings(**marqeta_settings(sandbox, program)),
    ):
        yield sandbox


def store(provider: str, event: MissedEvent) -> bool:
    return inbox.receive(provider, Envelope(event.event_id, event.event_type, event.object_id, {}), event.body)


def wait_for(provider: str, events: list[MissedEvent]) -> dict[str, IssuerEvent]:
    """The inbox once it holds all of these."""
    ids = [event.event_id for event in events]
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        stored = {row.event_id: row for row in IssuerEvent.objects.filter(provider=provider, event_id__in=ids)}
        if len(stored) == len(ids):
            return stored
        time.sleep(0.05)
    raise AssertionError(f"of {ids} the inbox has only {sorted(stored)}")


def busy_card(world: World) -> str:
    card = world.issuer.create_card(order_for(world.issuer), key=new_key())
    for amount_minor in (1_050, -450, 2_000):
        world.post(card.issuer_card_id, amount_minor)
    return card.issuer_card_id


@pytest.mark.parametrize("provider", ["stripe", "marqeta"])
def test_what_the_webhook_brought_is_listed_under_the_same_id(told: RunningSandbox, provider: str) -> None:
    world = world_of(provider, told, page_size=2)
    busy_card(world)
    events = all_events(world)[0]
    assert len(events) >= 3
    stored = wait_for(provider, events)
    for event in events:
        row = stored[event.event_id]
        assert (row.event_type, row.object_id) == (event.event_type, event.object_id)
        assert exact_json.loads(body_of(row)) == exact_json.loads(event.body)
        assert not store(provider, event)


@pytest.mark.parametrize("provider", ["stripe", "marqeta"])
def test_what_the_webhook_never_brought_is_listed_and_can_be_handled(told: RunningSandbox, provider: str) -> None:
    world = world_of(provider, told, page_size=2)
    card_id = busy_card(world)
    known = all_events(world)[0]
    wait_for(provider, known)
    told.order(webhook="*", do="drop", times=None)
    world.post(card_id, 7_700)
    missing = [event for event in all_events(world)[0] if event not in known]
    assert missing
    for event in missing:
        assert not IssuerEvent.objects.filter(event_id=event.event_id).exists()
        assert store(provider, event)
        assert dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=event.event_id).pk) != "rejected"
        assert not store(provider, event)


ROW: dict[str, Any] = {
    "id": "evt_1",
    "type": "issuing_card.updated",
    "created": 1_790_000_000,
    "data": {"object": {"id": "ic_1"}},
}


def stripe_body(rows: Any, **more: Any) -> bytes:
    return exact_json.dumps({"data": rows, "has_more": False, **more}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"not json",
        b'{"data": 7, "has_more": false}',
        b'{"has_more": false}',
        stripe_body([7]),
        stripe_body([{**ROW, "id": ""}], has_more=True),
    ],
)
def test_an_answer_that_is_no_list_of_events_is_no_answer(body: bytes) -> None:
    assert event_history.read_stripe_page(stripe_body([ROW])).events[0].object_id == "ic_1"
    with pytest.raises(NetworkError):
        event_history.read_stripe_page(body)


@pytest.mark.parametrize("odd", [{"id": ""}, {"type": None}, {"created": None}, {"created": 10**30}])
def test_an_odd_event_of_stripe_is_named_and_does_not_hold_up_the_others(odd: dict[str, Any]) -> None:
    page = event_history.read_stripe_page(stripe_body([{**ROW, "id": "evt_odd", **odd}, ROW], has_more=True))
    assert ([event.event_id for event in page.events], page.cursor) == (["evt_1"], "evt_1")
    (name,) = page.unread
    assert name == "evt_odd" or (name.startswith("row ") and "id" in odd)


def test_numbers_come_through_as_they_were_written() -> None:
    row = b'{"id": "evt_1", "type": "t", "created": 1790000000, "data": {"object": {"fuel": 3.10}}}'
    body = b'{"data": [%s], "has_more": false}' % row
    assert b"3.10" in event_history.read_stripe_page(body).events[0].body


def test_an_event_tells_when_it_happened() -> None:
    at = dt.datetime.fromtimestamp(1_790_000_000, dt.UTC)
    assert event_history.read_stripe_page(stripe_body([ROW])).events[0].created_at == at
    row = {"type": "refund", "token": "tok", "state": "COMPLETION", "user_transaction_time": at.isoformat()}
    rows = [row, {**row, "user_transaction_time": None, "created_time": f"{at:%Y-%m-%dT%H:%M:%SZ}"}]
    events = marqeta_history.read_marqeta_page({"data": rows, "is_more": False}, start=0).events
    assert [event.created_at for event in events] == [at, at]


def test_a_page_of_questions_alone_still_leads_on() -> None:
    page = event_history.read_stripe_page(
        stripe_body([{**ROW, "type": "issuing_authorization.request"}], has_more=True)
    )
    assert (page.events, page.cursor) == ((), "evt_1")


@pytest.mark.parametrize("odd", [7, None, "row", [], {"deep": None}])
def test_an_odd_row_of_marqeta_does_not_hold_up_the_others(odd: Any) -> None:
    row = {"type": "refund", "token": "tok", "state": "COMPLETION"}
    if isinstance(odd, dict):
        deep: Any = {}
        for _ in range(2_000):
            deep = {"x": deep}
        odd = {**copy.copy(row), "deep": deep}
    page = marqeta_history.read_marqeta_page({"data": [odd, row], "is_more": True}, start=4)
    assert [event.event_id for event in page.events] == ["transaction:tok:COMPLETION"]
    assert page.cursor == "6"


@pytest.mark.parametrize("listed", [{}, {"data": None, "is_more": False}, {"data": []}])
def test_an_answer_that_is_no_list_of_rows_is_no_answer(listed: dict[str, Any]) -> None:
    with pytest.raises(NetworkError):
        marqeta_history.read_marqeta_page(listed, start=0)
