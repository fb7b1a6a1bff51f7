"""An integrator's server: it keeps what it was sent, and answers as a test says. And a check of signatures of its own.

The check is written from the Standard Webhooks specification, with another library than the product's.
"""

import base64
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

Reply = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """A running server on this machine."""

    port: int
    reply: Reply
    received: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    @property
    def ids(self) -> list[str]:
        return [each.event_id for each in self.received]

    def answers(self, status: int, body: bytes = b"", **headers: str) -> None:
        """From now on every request gets this answer."""
        self.reply = replying(status, body, **headers)


def replying(status: int, body: bytes = b"", **headers: str) -> Reply:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return reply


@contextlib.contextmanager
def running_receiver(*, tls: SSLContext | None = None) -> Iterator[Receiver]:
    """Starts a receiver that takes everything, and ends it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.received.append(Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            with contextlib.suppress(OSError):
                receiver.reply(self)

        def log_message(self, *_args: Any) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, *_args: Any) -> None:
            """Whoever hangs up is no news."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        receiver = Receiver(server.server_address[1], replying(200, b"thanks"))
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield receiver
        server.shutdown()


def is_genuine(received: Received, secret: str) -> bool:
    """Whether one of the signatures is by this secret."""
    mac = HMAC(base64.b64decode(secret.split("_", 1)[1]), SHA256())
    mac.update(f"{received.headers['webhook-id']}.{received.headers['webhook-timestamp']}.".encode() + received.body)
    made = "v1," + base64.b64encode(mac.finalize()).decode()
    return made in received.headers["webhook-signature"].split(" ")
