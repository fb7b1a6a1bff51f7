"""A web server of ours as production runs it, on the tests' database, and people who buy at it all the time."""

import contextlib
import http.client
import json
import os
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from django.conf import settings
from django.db import connection

from onecard.dev.ports import HOST, claimed_port
from onecard.dev.stack import READY_PATH, web_command
from tests.support import stripe_events
from tests.support.starts import ROOT

START_TIMEOUT_S = 30.0
# What the servers here run with, whatever deadline the settings have in this process.
DEADLINE_MS = 1000
GIVE_UP_S = 30.0


@contextlib.contextmanager
def web_server(*, log: IO[bytes] | None = None, **environment: str) -> Iterator[int]:
    """Starts the server's own command and yields its port once it is ready; ends exactly that process.

    `log` gets what it writes to standard error, which is its log.
    """
    with web_service(log=log, **environment) as (port, _server):
        yield port


@contextlib.contextmanager
def web_service(*, log: IO[bytes] | None = None, **environment: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """As `web_server`, with the process, which leads a group of all its processes."""
    with claimed_port() as port:
        command = [*web_command(port), "--log-level", "error"]
        # The server believes whom this process signs as, whatever secrets the settings have here by now.
        secrets = ",".join(settings.STRIPE_WEBHOOK_SECRETS)
        ours = {"DATABASE_URL": _database_url(), "STRIPE_WEBHOOK_SECRETS": secrets}
        ours |= {"DECISION_DEADLINE_MS": str(DEADLINE_MS)}
        wanted = {**os.environ, **ours, **environment}
        with subprocess.Popen(command, cwd=ROOT, env=wanted, stderr=log, process_group=0) as server:
            try:
                wait_until_ready(port, server)
                yield port, server
            finally:
                server.terminate()


def _database_url() -> str:
    """The tests' own database, on the server that the environment names."""
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    return f"{server}/{connection.settings_dict['NAME']}"


def wait_until_ready(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until:
        assert server.poll() is None, "the web server ended while it started"
        with contextlib.suppress(OSError, http.client.HTTPException):
            if get(port, READY_PATH) == 200:
                return
        time.sleep(0.1)
    raise AssertionError("the web server did not become ready")


def get(port: int, path: str, **headers: str) -> int:
    """The status of a page."""
    client = http.client.HTTPConnection(HOST, port, timeout=GIVE_UP_S)
    try:
        client.request("GET", path, headers=headers)
        answer = client.getresponse()
        answer.read()
        return answer.status
    finally:
        client.close()


def request_bytes(event: dict[str, Any], *, framing: str = "") -> bytes:
    """A genuine delivery as it goes over the wire; `framing` replaces the header that says how long it is."""
    body = json.dumps(event).encode()
    framing = framing or f"Content-Length: {len(body)}"
    head = (
        f"POST {stripe_events.URL} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        f"Stripe-Signature: {stripe_events.signed(body.decode())}\r\n{framing}\r\n\r\n"
    )
    return head.encode() + body


@dataclass(slots=True)
class Purchases:
    """What became of the purchases of a run: the milliseconds of each answer, and those that approved."""

    answers_ms: list[float] = field(default_factory=list)
    approved_ms: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def summary(self, name: str) -> str:
        """The distribution in one line."""
        ordered = sorted(self.answers_ms) or [0.0]
        p99 = statistics.quantiles(ordered, n=100)[98] if len(ordered) > 1 else ordered[0]
        return (
            f"{name}: {len(self.answers_ms)} answered, {len(self.approved_ms)} approved, {len(self.failures)} failed; "
            f"median {statistics.median(ordered):.0f} ms, p99 {p99:.0f} ms, max {ordered[-1]:.0f} ms, "
            f"slowest approval {max(self.approved_ms, default=0):.0f} ms"
        )


class Buyers:
    """Buys so many times a second, whether or not the answers come: each purchase has a thread of its own."""

    def __init__(self, port: int, card: str, *, a_second: float, more: float = 1.0) -> None:
        self._port, self._card, self._pause_s, self._more = port, card, 1 / a_second, more
        self._done = threading.Event()
        self._threads: list[threading.Thread] = []
        self._clock = threading.Thread(target=self._tick)
        self.purchases = Purchases()

    def __enter__(self) -> "Buyers":
        self._clock.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._done.set()
        self._clock.join()
        for thread in self._threads:
            thread.join(GIVE_UP_S)

    def _tick(self) -> None:
        due = time.monotonic()
        while not self._done.is_set():
            thread = threading.Thread(target=self._buy)
            thread.start()
            self._threads.append(thread)
            due += self._pause_s
            self._done.wait(max(0.0, due - time.monotonic()))

    def _buy(self) -> None:
        event = stripe_events.authorization_request(card=self._card, amount=100)
        body = json.dumps(event)
        started = time.perf_counter()
        client = http.client.HTTPConnection(HOST, self._port, timeout=GIVE_UP_S)
        try:
            headers = {"Content-Type": "application/json", "Stripe-Signature": stripe_events.signed(body)}
            client.request("POST", stripe_events.URL, body, headers)
            answer = client.getresponse()
            content = answer.read()
            assert answer.status == 200, content
        except (OSError, http.client.HTTPException, AssertionError) as error:
            self.purchases.failures.append(repr(error))
            return
        finally:
            client.close()
        took_ms = (time.perf_counter() - started) * 1000
        self.purchases.answers_ms.append(took_ms)
        if json.loads(content)["approved"]:
            self.purchases.approved_ms.append(took_ms)
