"""A line that the server's event loop writes has the ids of its own request, however many are under way there."""

import tempfile
from functools import partial

import pytest

from tests.onecard.logs.test_one_purchase import deliver, lines
from tests.support import stripe_events
from tests.support.relays import database_relay
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card
from tests.support.web_servers import web_server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in_proofs, pytest.mark.timeout(120)]
WRITTEN = "not decided with the others"


def test_each_line_of_the_event_loop_names_its_own_purchase() -> None:
    card = walkthrough_card()
    asked = [stripe_events.authorization_request(card=card.issuer_card_id, amount=100) for _ in range(8)]
    with tempfile.TemporaryFile() as log, database_relay() as relay:
        with web_server(log=log, LOG_FORMAT="json", DATABASE_URL=relay.database_url) as port:
            for _ in range(12):
                # Each process decides in its event loop once it knows the card and the rules.
                earlier = stripe_events.authorization_request(card=card.issuer_card_id, amount=100)
                deliver(port, earlier, request_id="asked-before")
            with relay.silent():
                at_once(
                    [
                        partial(deliver, port, event, request_id=f"asked-now-{number}")
                        for number, event in enumerate(asked)
                    ]
                )
        found = lines(log)
        written = [line for line in found if WRITTEN in line["message"]]

    assert written, found
    expected = {
        event["data"]["object"]["id"]: (event["id"], f"asked-now-{number}") for number, event in enumerate(asked)
    }
    for line in written:
        name = line["authorization_id"]
        assert (line["event_id"], line["request_id"], line["provider"]) == (*expected[name], "stripe")
        assert line["message"].startswith(f"authorization {name}: ")
