"""The HTTP server: keep-alive connections, one thread each, no framework between the socket and the sandbox.

Werkzeug's own server closes every connection after one answer, so only its routing is used.
"""

import logging
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from tests.sandbox.control import PREFIX, answer_control
from tests.sandbox.cut_off import take_up
from tests.sandbox.journal import Received
from tests.sandbox.marqeta.door import answer_call as answer_marqeta
from tests.sandbox.marqeta.urls import PREFIX as MARQETA
from tests.sandbox.memory import read_memory
from tests.sandbox.multipart import TYPE as UPLOAD
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.settings import Settings
from tests.sandbox.stripe.checkout_page import PREFIX as PAGES
from tests.sandbox.stripe.checkout_page import answer_page
from tests.sandbox.stripe.door import answer_call as answer_stripe
from tests.sandbox.wire import Answer, Call, HangUpError

log = logging.getLogger("tests.sandbox")

_LARGEST_BODY, _LARGEST_UPLOAD = 1_000_000, 6_000_000


class SandboxServer(ThreadingHTTPServer):
    """Serves one sandbox until it is closed."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, sandbox: Sandbox, *, host: str, port: int) -> None:
        self.sandbox = sandbox
        self.connections: set[socket.socket] = set()
        super().__init__((host, port), _Handler)
        sandbox.address = self.url

    @property
    def url(self) -> str:
        """Where the sandbox is reached."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"

    def close(self) -> None:
        """Stop sending, end every connection and free the port; call it when nobody serves any more."""
        self.sandbox.stop()
        self.server_close()
        for connection in list(self.connections):
            _shut(connection)


def make_server(settings: Settings, *, host: str = "127.0.0.1", port: int = 0) -> SandboxServer:
    """Bind a sandbox to a port (0: any free one), with what it knew when it ended, if it kept that.

    Raises WorldError, or OSError when the port is taken.
    """
    sandbox = Sandbox(settings)
    server = SandboxServer(sandbox, host=host, port=port)
    if settings.memory and settings.memory.exists():
        read_memory(sandbox, settings.memory)
        take_up(sandbox)
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer leaves in one piece and at once.
    wbufsize = 65_536
    disable_nagle_algorithm = True
    server: SandboxServer

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        try:
            super().finish()
        except OSError:
            log.debug("The other side was gone before the answer.")

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            # Clients of a sandbox are killed on purpose.
            log.debug("A connection broke.")

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_PUT(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def _handle(self) -> None:
        started = time.perf_counter()
        try:
            answer, entry = self._answer(self._read_call())
            self._write(answer)
            if entry:
                elapsed_ms = round((time.perf_counter() - started) * 1000, 3)
                self.server.sandbox.requests.change(entry, answered=True, elapsed_ms=elapsed_ms)
        except HangUpError:
            self.close_connection = True
            _shut(self.connection)
        except OSError:
            self.close_connection = True

    def version_string(self) -> str:
        return "sandbox"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class names it)
        log.debug(format, *args)

    def _answer(self, call: Call) -> tuple[Answer, Received | None]:
        if call.path.startswith(PREFIX):
            return answer_control(self.server.sandbox, call), None
        if call.path == "/":
            return Answer.of(200, self._description()), None
        if call.path.startswith(MARQETA):
            return answer_marqeta(self.server.sandbox, call)
        if call.path.startswith(PAGES):
            return answer_page(self.server.sandbox, call), None
        return answer_stripe(self.server.sandbox, call)

    def _description(self) -> dict[str, str]:
        sends_to = self.server.sandbox.settings.webhook_url or "nowhere"
        speaks = "Stripe /v1, Marqeta /v3"
        return {"name": "One Card sandbox issuer", "speaks": speaks, "sends_to": sends_to, "control": PREFIX}

    def _read_call(self) -> Call:
        address = urlsplit(self.path)
        length = self.headers.get("Content-Length", "0")
        # The bytes of an upload are no text: Latin-1 keeps each of them.
        is_upload = self.headers.get("Content-Type", "").startswith(UPLOAD)
        if not length.isdecimal() or int(length) > (_LARGEST_UPLOAD if is_upload else _LARGEST_BODY):
            self.close_connection = True
            raise HangUpError
        return Call(
            clearings=self.server.sandbox.scenarios.clearings,
            method=self.command,
            path=unquote(address.path),
            query=address.query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(length)).decode("latin-1" if is_upload else "utf-8", errors="replace"),
        )

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        log.debug("The connection was closed already.")
