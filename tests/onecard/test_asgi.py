"""The web server's entry point, as production runs it."""

import http.client
from collections.abc import Callable

import pytest

from onecard.dev.ports import HOST
from tests.support import stripe_events
from tests.support.marqeta_events import gateway_request
from tests.support.together import Delivery, known_card, of_marqeta, of_stripe
from tests.support.wallets import walkthrough_card
from tests.support.web_servers import web_server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in_proofs]


def steps_of(port: int, asked: Delivery) -> str:
    """Asks, and returns the steps that the decision took."""
    client = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        client.request("POST", asked.url, asked.body, {"Content-Type": "application/json", **asked.headers})
        answer = client.getresponse()
        answer.read()
        return answer.getheader("Server-Timing", "")
    finally:
        client.close()


def ask_stripe() -> Callable[[], Delivery]:
    card = walkthrough_card().issuer_card_id
    return lambda: of_stripe(stripe_events.authorization_request(card=card, amount=100))


def ask_marqeta() -> Callable[[], Delivery]:
    card = known_card().issuer_card_id
    return lambda: of_marqeta(gateway_request(card=card, amount=1))


@pytest.mark.parametrize("ask", [ask_stripe, ask_marqeta])
def test_each_issuers_ordinary_question_is_decided_in_the_loop(ask: Callable[[], Callable[[], Delivery]]) -> None:
    asked = ask()
    with web_server() as port:
        # The first question of each process is decided in a thread, which reads the rules.
        steps = [steps_of(port, asked()) for _ in range(20)]

    # Only the view in a thread states a total.
    assert "total;dur" in steps[0]
    assert "commit;dur" in steps[-1]
    assert "total;dur" not in steps[-1]
