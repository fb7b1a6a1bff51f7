"""What the Marqeta tests share: a client, and a real server for the gateway and the webhooks."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from tests.sandbox.settings import MarqetaSettings

Json = dict[str, Any]
Reply = tuple[int, bytes]

PROGRAM = MarqetaSettings(gateway_headers={"X-Program": "One Card"}, gateway_timeout_ms=600, batch_after_s=0.02)
USER, PRODUCT, CARD = "demo-user", "demo-card-product", "demo-card"
SOURCE, WEBHOOK = "sandbox_gateway_source", "sandbox_webhook"
ROOTS = ("transactions", "cardtransitions", "usertransitions", "pings")
PASSWORD = "A-Long-Enough-Password-1"


def echo(pending: Json, *, status: int = 200, **more: Any) -> Reply:
    """Answer as the contract says: the four fields of the question, and what else is given."""
    jit = pending["gpa_order"]["jit_funding"]
    same = {name: jit[name] for name in ("token", "method", "user_token", "amount")}
    return status, json.dumps({"jit_funding": {**same, **more}}, default=float).encode()


def decline(pending: Json, reason: str | None = "SUSPECTED_FRAUD") -> Reply:
    return echo(pending, status=402, **({"decline_reason": reason} if reason else {}))


def late(delay_s: float) -> Callable[[Json], Reply]:
    def decide(pending: Json) -> Reply:
        time.sleep(delay_s)
        return echo(pending)

    return decide


class MarqetaReceiver:
    """Asks are answered by `decide(pending)`, webhooks with the status of `acknowledge(body)`."""

    def __init__(self, settings: MarqetaSettings) -> None:
        self.settings = settings
        self.asked: list[Json] = []
        self.headers: list[dict[str, str]] = []
        self.posts: list[Json] = []
        self.bodies: list[bytes] = []
        self.wrong: list[str] = []
        self.decide: Callable[[Json], Reply] = echo
        self.acknowledge: Callable[[Json], int] = lambda _body: 200
        self.gateway_url = self.webhook_url = ""
        self._changed = threading.Condition()

    @property
    def rows(self) -> list[Json]:
        return [row for post in self.posts for root in ROOTS for row in post.get(root, [])]

    def messages(self, kind: str | None = None) -> list[Json]:
        """Merchant messages, without the twins."""
        rows = [row for post in self.posts for row in post.get("transactions", [])]
        return [row for row in rows if row["type"] == kind or (kind is None and not row["type"].startswith("gpa."))]

    def wait_for(self, kind: str, count: int = 1, timeout_s: float = 5.0) -> list[Json]:
        self.wait_until(lambda: len(self._of(kind)) >= count, timeout_s, kind)
        return self._of(kind)

    def wait_until(self, enough: Callable[[], bool], timeout_s: float = 5.0, what: object = "it") -> None:
        with self._changed:
            done = self._changed.wait_for(enough, timeout_s)
        assert done, f"waited for {what}, got {[row.get('type') for row in self.rows]}"

    def take_question(self, body: bytes, headers: dict[str, str]) -> Reply:
        pair = f"{self.settings.gateway_username}:{self.settings.gateway_password}"
        self._check(headers.get("authorization") == basic(pair), "gateway credentials")
        pending = json.loads(body, parse_float=Decimal)
        with self._changed:
            self.asked.append(pending)
            self.headers.append(headers)
            self._changed.notify_all()
        return self.decide(pending)

    def take_events(self, body: bytes, headers: dict[str, str]) -> Reply:
        pair = f"{self.settings.webhook_username}:{self.settings.webhook_password}"
        self._check(headers.get("authorization") == basic(pair), "webhook credentials")
        digest = hashlib.sha256 if self.settings.signature_algorithm == "HMAC_SHA_256" else hashlib.sha1
        expected = hmac.new(self.settings.webhook_secret.encode(), body, digest).hexdigest()
        self._check(headers.get("x-marqeta-signature") == expected, "signature")
        post = json.loads(body, parse_float=Decimal)
        with self._changed:
            self.bodies.append(body)
            self.posts.append(post)
            self._changed.notify_all()
        return self.acknowledge(post), b""

    def _of(self, kind: str) -> list[Json]:
        return [row for row in self.rows if kind in (row.get("type"), row.get("status"))]

    def _check(self, right: bool, what: str) -> None:
        if not right:
            self.wrong.append(what)


class Api:
    """Calls the sandbox as the program's client does."""

    def __init__(self, url: str, settings: MarqetaSettings, *, timeout_s: float = 5.0) -> None:
        self.url = f"{url}/v3"
        self.timeout_s = timeout_s
        self.session = requests.Session()
        self.session.auth = (settings.application_token, settings.admin_access_token)

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        return self.session.request(method, f"{self.url}/{path}", timeout=self.timeout_s, **more)

    def get(self, path: str, **query: Any) -> Json:
        answer = self.call("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return json.loads(answer.text, parse_float=Decimal)

    def status_of(self, path: str, body: Json) -> int:
        """The status with which this POST is answered."""
        return self.call("POST", path, json=body).status_code

    def post(self, path: str, body: Json, *, status: int = 201, **query: Any) -> Json:
        answer = self.call("POST", path, json=body, params=query)
        assert answer.status_code == status, answer.text
        return json.loads(answer.text, parse_float=Decimal)

    def put(self, path: str, body: Json, *, status: int = 200) -> Json:
        answer = self.call("PUT", path, json=body)
        assert answer.status_code == status, answer.text
        return json.loads(answer.text, parse_float=Decimal)

    def buy(self, amount: float = 45, **more: Any) -> Json:
        return self.simulate("authorization", card_token=more.pop("card_token", CARD), amount=amount, **more)

    def follow(self, kind: str, origin: Json, amount: float | None = None, **more: Any) -> Json:
        given = {} if amount is None else {"amount": amount}
        return self.simulate(kind, preceding_related_transaction_token=origin["token"], **given, **more)

    def simulate(self, kind: str, **body: Any) -> Json:
        return self.post(f"simulations/cardtransactions/{kind}", body)["transaction"]


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


@contextmanager
def running_marqeta_receiver(settings: MarqetaSettings) -> Iterator[MarqetaReceiver]:
    receiver = MarqetaReceiver(settings)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65_536
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            take = receiver.take_question if self.path == "/jit" else receiver.take_events
            status, answer = take(body, headers)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
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
    place = f"http://127.0.0.1:{server.server_address[1]}"
    receiver.gateway_url, receiver.webhook_url = f"{place}/jit", f"{place}/events"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
        assert receiver.wrong == []
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
