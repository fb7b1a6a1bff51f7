"""Clients that send slowly, or never to the end, beside purchases that must be answered in time."""

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

from onecard.dev.ports import HOST
from tests.support import stripe_events
from tests.support.web_servers import DEADLINE_MS, Purchases, request_bytes

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
    print(purchases.summary(name))
    assert not purchases.failures
    assert len(purchases.approved_ms) > 10
    assert max(purchases.answers_ms) < ISSUER_LIMIT_MS
    assert max(purchases.approved_ms) < DEADLINE_MS * 1.2  # A little for this machine's own client threads.


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
