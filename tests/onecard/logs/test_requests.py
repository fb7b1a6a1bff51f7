"""Each request has an id, a line and no more in the log: no path of its own, no query, nothing of a decision."""

import json
import logging
from typing import Any

import pytest
from django.test import Client

from issuing.models import Decision
from tests.support import stripe_events
from tests.support.back_office import logged_in
from tests.support.factories import UserFactory
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db(transaction=True)
LOGGER = "onecard.logs.requests"


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    formatter = logging.getLogger().handlers[0].formatter
    records = [record for record in caplog.records if record.name == LOGGER]
    named = ("method", "route", "status", "object_id")
    return [{name: vars(record)[name] for name in named if name in vars(record)} for record in records if formatter]


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        ("/login?next=/x&email=ann@example.com", "login", 200),
        ("/nothing/4242424242424242/ann", "no route", 404),
        ("/static/desk/never.css", "static file", 404),
    ],
)
def test_a_line_names_the_route_and_not_what_the_caller_wrote(
    caplog: pytest.LogCaptureFixture, path: str, route: str, status: int
) -> None:
    with caplog.at_level("INFO", logger=LOGGER):
        answer = Client().get(path, headers={"X-Request-Id": "caller-12345678"})

    (line,) = lines(caplog)
    assert answer.status_code == line["status"] == status
    assert (line["method"], line["route"].rpartition(":")[2]) == ("GET", route)
    assert answer["X-Request-Id"] == "caller-12345678"
    assert vars(caplog.records[-1])["duration_ms"] >= 0


def test_a_thing_is_named_by_its_public_id(caplog: pytest.LogCaptureFixture) -> None:
    card = walkthrough_card()
    with caplog.at_level("INFO", logger=LOGGER):
        logged_in(UserFactory()).get(f"/api/v1/cards/{card.public_id}")

    assert lines(caplog)[-1]["object_id"] == str(card.public_id)


def test_polls_have_no_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger=LOGGER):
        answer = Client().get("/health/live")

    assert lines(caplog) == []
    assert len(answer["X-Request-Id"]) == 32


def test_a_decision_writes_nothing_and_the_event_after_it_one_line(caplog: pytest.LogCaptureFixture) -> None:
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    with caplog.at_level("DEBUG"):
        assert json.loads(stripe_events.post(asked).content)["approved"]
        assert Decision.objects.get().approved
        assert caplog.records == []

        stripe_events.post(stripe_events.authorization_update(asked))

    (line,) = lines(caplog)
    assert line == {"method": "POST", "route": "stripe-webhook", "status": 200}
