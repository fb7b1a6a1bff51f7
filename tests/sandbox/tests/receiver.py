"""A real webhook receiver: checks signatures, keeps what came, and answers as a test wishes."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import stripe

Json = dict[str, Any]
Reply = tuple[int, dict[str, str], bytes]

SECRET = "whsec_sandbox_test"
VERSION = {"Stripe-Version": "2024-06-20", "Server-Timing": "decide;dur=1.5"}


def approve(**more: object) -> Reply:
    return 200, VERSION, json.dumps({"approved": True, **more}).encode()


def decline(**more: object) -> Reply:
    return 200, VERSION, json.dumps({"approved": False, **more}).encode()


class Receiver:
    """Decisions are answered by `decide(event)`, every other event by `acknowledge(event)`."""

    def __init__(self) -> None:
        self.events: list[Json] = []
        self.signatures: list[str] = []
        self.decide: Callable[[Json], Reply] = lambda _event: approve()
        self.acknowledge: Callable[[Json], Reply] = lambda _event: (200, {}, b'{"received": true}')
        self.url = ""
        self._changed = threading.Condition()

    def take(self, body: bytes, signature: str) -> Reply:
        stripe.Webhook.construct_event(body, signature, SECRET)
        event = json.loads(body)
        with self._changed:
            self.events.append(event)
            self.signatures.append(signature)
            self._changed.notify_all()
        return self.decide(event) if event["type"] == "issuing_authorization.request" else self.acknowledge(event)

    def of_type(self, event_type: str) -> list[Json]:
        return [event for event in self.events if event["type"] == event_type]

    def wait_for(self, event_type: str, count: int = 1, timeout_s: float = 5.0) -> list[Json]:
        with self._changed:
            enough = self._changed.wait_for(lambda: len(self.of_type(event_type)) >= count, timeout_s)
        assert enough, f"wanted {count} {event_type}, got {[event['type'] for event in self.events]}"
        return self.of_type(event_type)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Twenty deliveries at once must not wait for a repeated SYN.
    request_queue_size = 256


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65_536
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, answer = receiver.take(body, self.headers["Stripe-Signature"])
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                self.close_connection = True

        def finish(self) -> None:
            try:
                super().finish()
            except OSError:
                self.close_connection = True

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/stripe-webhook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
