"""The quick look at a request finds the same names as the whole reading, and takes nothing else for a request."""

import json
from typing import Any

import pytest

from issuing.issuers.stripe.question_names import Names, question_names
from tests.support import stripe_events


def names(event: Any) -> Names | None:
    return question_names(event if isinstance(event, bytes) else json.dumps(event).encode())


def test_a_request_is_named_with_its_purchase() -> None:
    asked = stripe_events.authorization_request(card="ic_1")
    purchase = asked["data"]["object"]["id"]
    assert names(asked) == Names(asked["id"], purchase, is_first=True)
    asked["data"]["object"]["request_history"] = [{"approved": False}]
    assert names(asked) == Names(asked["id"], purchase, is_first=False)
    asked["data"]["object"] |= {"request_history": [], "approved": True}
    assert names(asked) == Names(asked["id"], purchase, is_first=False)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"7", b"\xff", b"[" * 100_000, b'{"id": 7, "type": "x"}'])
def test_what_cannot_be_read_has_no_names(body: bytes) -> None:
    assert names(body) is None


def test_another_event_is_no_request() -> None:
    assert names(stripe_events.event("issuing_card.updated", {"id": "ic_1"})) is None
