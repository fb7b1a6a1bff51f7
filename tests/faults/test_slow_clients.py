"""Clients that hold connections and send nothing: every purchase is answered in time while they do."""

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from issuing.models import Decision, IssuerEvent
from onecard.dev.ports import HOST
from tests import stripe_events
from tests.wallets import walkthrough_card
from tests.web_servers import Buyers, Purchases, deadline_ms, request_bytes, web_server

pytestmark = pytest.mark.django_db(transaction=True)

# The issuer decides by itself after this.
ISSUER_LIMIT_MS = 2000
ATTACK_S = 2.0
HALF_BODY = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{" % stripe_events.URL.encode()
HALF_CHUNK = b"POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n{" % stripe_events.URL.encode()
ATTACKS: dict[str, tuple[int, bytes]] = {
    "half bodies, as many as threads": (8, HALF_BODY),
    "half bodies of hundreds": (400, HALF_BODY),
    "half chunks": (200, HALF_CHUNK),
    "half forms at the login": (100, HALF_BODY.replace(stripe_events.URL.encode(), b"/admin/login/")),
    "half headers": (400, b"POST /stripe-webhook HTTP/1.1\r\nHost: x\r\nX-Slow: "),
    "connections that say nothing": (400, b""),
    "kept connections": (400, b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
}


@contextlib.contextmanager
def attackers(port: int, count: int, said: bytes) -> Iterator[None]:
    """So many clients that say this much; half of them drip a byte now and then, so that they are never quite idle."""
    done = threading.Event()
    with contextlib.ExitStack() as stack:
        callers = [stack.enter_context(socket.create_connection((HOST, port), timeout=5)) for _ in range(count)]
        for caller in callers:
            caller.sendall(said)

        def drip() -> None:
            while not done.wait(0.5):
                for caller in callers[::2]:
                    with contextlib.suppress(OSError):
                        caller.sendall(b"x")

        dripping = threading.Thread(target=drip)
        if said and not said.endswith(b"\r\n\r\n"):
            dripping.start()
            stack.callback(dripping.join)
        stack.callback(done.set)
        yield


def assert_all_in_time(purchases: Purchases, name: str) -> None:
    print(purchases.told(name))
    assert not purchases.failures
    assert len(purchases.approved_ms) > 10
    assert max(purchases.answers_ms) < ISSUER_LIMIT_MS
    assert max(purchases.approved_ms) < deadline_ms() * 1.2  # A little for this machine's own client threads.


def test_purchases_are_answered_in_time_whatever_slow_clients_do() -> None:
    card = walkthrough_card(daily_limit_minor=10**9, monthly_limit_minor=10**9).issuer_card_id
    with web_server() as port:
        for name, (count, said) in ATTACKS.items():
            with attackers(port, count, said), Buyers(port, card, a_second=10) as buyers:
                threading.Event().wait(ATTACK_S)
            assert_all_in_time(buyers.purchases, name)


def exchange(port: int, said: bytes, *, hang_up: bool = False) -> tuple[int, dict[str, Any]]:
    """Sends these bytes and gives what is answered; 0 when the connection is only closed."""
    with socket.create_connection((HOST, port), timeout=15) as caller:
        caller.sendall(said)
        if hang_up:
            caller.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(caller)
        try:
            answer.begin()
        except (http.client.HTTPException, OSError):
            return 0, {}
        content = answer.read()
        return answer.status, json.loads(content) if content.startswith(b"{") else {}


def chunked(event: dict[str, Any], size: int) -> bytes:
    """The delivery in chunks of this size, without a Content-Length."""
    whole = request_bytes(event, framing="Transfer-Encoding: chunked")
    head, _, body = whole.partition(b"\r\n\r\n")
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return head + b"\r\n\r\n" + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


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
        assert exchange(port, longer, hang_up=True)[0] == 400
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
    assert answers.endswith(b'{"received": true}')


def test_a_header_with_an_underscore_is_not_taken_for_a_proxys_own() -> None:
    with web_server() as port:
        said = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nX_Forwarded_Proto: https\r\nConnection: close\r\n\r\n"
        assert exchange(port, said)[0] == 200
