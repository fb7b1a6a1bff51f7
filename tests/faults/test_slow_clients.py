"""Clients that hold connections and send nothing: every purchase is answered in time while they do."""

import socket
import threading
from typing import Any

import pytest

from issuing import journal
from issuing.models import Decision, IssuerEvent
from onecard.dev.ports import HOST
from tests.faults.slow_clients import ATTACK_S, ATTACKS, assert_all_in_time, attackers, chunked, exchange
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card
from tests.support.web_servers import Buyers, request_bytes, web_server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in_proofs]


def test_purchases_are_answered_in_time_whatever_slow_clients_do() -> None:
    card = walkthrough_card(daily_limit_minor=10**9, monthly_limit_minor=10**9).issuer_card_id
    with web_server() as port:
        for name, (count, said) in ATTACKS.items():
            with attackers(port, count, said), Buyers(port, card, a_second=10) as buyers:
                threading.Event().wait(ATTACK_S)
            assert_all_in_time(buyers.purchases, name)


def test_a_body_of_any_framing_is_read_to_its_end_within_the_bound() -> None:
    card = walkthrough_card().issuer_card_id
    with web_server() as port:
        for size in (1, 50, 100_000):
            asked = stripe_events.authorization_request(card=card, amount=100)
            assert exchange(port, chunked(asked, size))[1]["approved"] is True
        news = stripe_events.event("issuing_card.updated", {"id": "ic_1"})
        assert exchange(port, chunked(news, 10)) == (200, {"received": True})

        large = stripe_events.event("issuing_card.updated", {"id": "ic_2", "padding": "x" * 1024 * 1024})
        assert exchange(port, chunked(large, 60_000))[0] == 413
        assert exchange(port, request_bytes(large))[0] == 413
        at_the_bound = stripe_events.event(
            "issuing_card.updated", {"id": "ic_3", "padding": "x" * (1024 * 1024 - 2000)}
        )
        assert exchange(port, chunked(at_the_bound, 60_000))[0] == 200

        shorter = request_bytes(news, framing="Content-Length: 20")
        assert exchange(port, shorter)[0] == 400
        longer = request_bytes(news, framing="Content-Length: 5000")
        assert exchange(port, longer)[0] == 408
        # Who hangs up before the end is told nothing, and nothing is done.
        assert exchange(port, longer, hang_up=True)[0] == 0
        for lie in ("Content-Length: -5", "Content-Length: x", "Content-Length: 5\r\nContent-Length: 700"):
            assert exchange(port, request_bytes(news, framing=lie))[0] in (0, 400)
        for coding, status in (
            ("gzip, chunked", 501),
            ("identity\r\nTransfer-Encoding: chunked", 501),
            ("chunked, gzip", 400),
        ):
            asked = stripe_events.authorization_request(card=card, amount=100)
            assert exchange(port, chunked(asked, 100).replace(b": chunked", f": {coding}".encode(), 1))[0] == status
        assert_a_body_of_two_lengths_ends_the_connection(port, news)
    journal.write_all()
    assert Decision.objects.filter(approved=True).count() == 3
    assert IssuerEvent.objects.exclude(event_type="issuing_authorization.request").count() == 2


def assert_a_body_of_two_lengths_ends_the_connection(port: int, news: dict[str, Any]) -> None:
    """A proxy may believe the other length (RFC 9112, section 6.1): what follows must not become a request of ours."""
    smuggled = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    said = chunked(news, 100)
    length = len(said.partition(b"\r\n\r\n")[2] + smuggled)
    with socket.create_connection((HOST, port), timeout=15) as caller:
        caller.sendall(said.replace(b"\r\n\r\n", b"\r\nContent-Length: %d\r\n\r\n" % length, 1) + smuggled)
        answers = b"".join(iter(lambda: caller.recv(65536), b""))
    assert answers.count(b"HTTP/1.1 ") == 1
    assert answers.startswith(b"HTTP/1.1 400 ")


def test_a_header_with_an_underscore_is_not_taken_for_a_proxys_own() -> None:
    with web_server() as port:
        said = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nX_Forwarded_Proto: https\r\nConnection: close\r\n\r\n"
        assert exchange(port, said)[0] == 200
