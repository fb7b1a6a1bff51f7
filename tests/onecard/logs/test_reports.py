"""Faults and traces reach a receiver that speaks their protocols, and nothing reaches it that may not leave."""

import gzip
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from onecard.logs import optional
from tests.support.starts import ROOT, SAFE, run, start

CARD, MAIL = "4242 4242 4242 4242", "ann@example.com"
HIDDEN = (CARD, "4242424242424242", MAIL, "hunter2", "Ann-Lee", SAFE["SECRET_KEY"], "only-in-a-frame")
FAULT = f"""
import logging, sentry_sdk
from django.test import RequestFactory
from onecard.kit import log_context
asked = RequestFactory().post("/cards/?name=Ann-Lee", {{"password": "hunter2"}}, headers={{"Cookie": "s=hunter2"}})
held = "only-" + "in-a-frame"
with log_context.fresh(request_id="r-12345678", authorization_id="iauth_1"):
    try:
        raise ValueError("{CARD} of {MAIL} with " + __import__("django.conf").conf.settings.SECRET_KEY)
    except ValueError:
        logging.getLogger("django.request").exception("broken for %s", "{MAIL}", extra={{"request": asked}})
logging.getLogger("issuing").warning("only a warning")
sentry_sdk.flush(5)
"""
SPAN = f"""
from django.test import Client
from opentelemetry import trace
for path in ("/nothing/{MAIL}?name=Ann-Lee", "/health/live"):
    asking = Client(headers={{"X-Request-Id": "caller-12345678", "Host": "cards.example.com"}})
    asking.get(path, secure=True)
with trace.get_tracer("ours").start_as_current_span("a {CARD}") as span:
    span.set_attribute("http.route", "for {MAIL}")
    span.set_attribute("db.statement", "hunter2")
    span.record_exception(ValueError("{CARD}"))
trace.get_tracer_provider().force_flush()
"""

# Python finds all but this package, as where nobody has installed it.
NOT_INSTALLED = """
import sys
from importlib.machinery import PathFinder
class AllButOne:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return None if (name + ".").startswith("{package}.") else PathFinder.find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = AllButOne
"""


class Receiver(ThreadingHTTPServer):
    """Takes what is sent over real HTTP, and remembers it unpacked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.taken: list[tuple[str, bytes]] = []


class Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        unpacked = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        assert isinstance(self.server, Receiver)
        self.server.taken.append((self.path, unpacked))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def assert_nothing_hidden_in(taken: bytes) -> None:
    for hidden in HIDDEN:
        assert hidden.encode() not in taken, hidden


@pytest.mark.only_in_proofs
def test_a_fault_reaches_sentry_with_its_ids_and_without_its_request(receiver: Receiver) -> None:
    address = f"http://public@127.0.0.1:{receiver.server_port}/7"
    ended = start("shell", "-c", FAULT, SENTRY_DSN=address, RELEASE="v7")
    assert ended.returncode == 0, ended.stderr

    ((path, envelope),) = receiver.taken
    event = json.loads(envelope.splitlines()[2])
    assert path == "/api/7/envelope/"
    assert (event["level"], event["logger"], event["release"]) == ("error", "django.request", "v7")
    assert event["tags"] == {"request_id": "r-12345678", "authorization_id": "iauth_1"}
    assert event["logentry"] == {"message": "broken for %s", "formatted": "broken for [e-mail]"}
    (raised,) = event["exception"]["values"]
    assert (raised["type"], raised["value"]) == ("ValueError", "**** **** **** 4242 of [e-mail] with [secret]")
    assert raised["stacktrace"]["frames"][-1]["lineno"] > 0
    assert {"request", "user", "extra", "breadcrumbs", "modules"} & set(event) == set()
    assert_nothing_hidden_in(envelope)


@pytest.mark.only_in_proofs
def test_a_trace_reaches_a_collector_with_named_attributes_only(receiver: Receiver) -> None:
    ended = start("shell", "-c", SPAN, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{receiver.server_port}/")
    assert ended.returncode == 0, ended.stderr

    assert {path for path, _ in receiver.taken} == {"/v1/traces"}
    sent = [ExportTraceServiceRequest.FromString(body) for _, body in receiver.taken]
    spans = [
        span
        for each in sent
        for resource in each.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    asked, ours = sorted(spans, key=lambda span: span.start_time_unix_nano)
    known = {each.key: each.value.string_value or each.value.int_value for each in asked.attributes}
    assert known == {"http.method": "GET", "http.status_code": 404, "request_id": "caller-12345678"}
    assert ours.name == "a **** **** **** 4242"
    assert [(each.key, each.value.string_value) for each in ours.attributes] == [("http.route", "for [e-mail]")]
    assert_nothing_hidden_in(b"".join(body for _, body in receiver.taken))


@pytest.mark.only_in_proofs
def test_nothing_of_it_is_imported_unless_it_is_set() -> None:
    # redis-py imports what measures, wherever it is installed.
    parts = ("sentry_sdk", "opentelemetry.sdk.trace", "opentelemetry.exporter", "opentelemetry.instrumentation")
    code = f"import sys; print([name for name in sys.modules if name.startswith({parts})])"
    ended = start("shell", "-v", "0", "-c", code)
    assert (ended.returncode, ended.stdout.strip()) == (0, "[]"), ended.stderr


def test_a_setting_without_its_package_is_refused_with_a_sentence() -> None:
    with pytest.raises(
        ImproperlyConfigured, match=r"SENTRY_DSN is set, but no_such\.package is not installed; install"
    ):
        optional.require("SENTRY_DSN", "https://k@example.com/1", ("no_such.package", "json"))
    assert optional.require("SENTRY_DSN", "", ("no_such.package",)) == ""


@pytest.mark.only_in_proofs
@pytest.mark.parametrize(
    ("setting", "address", "package"),
    [
        ("SENTRY_DSN", "https://public@sentry.example.com/7", "sentry_sdk"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.example.com:4318", "opentelemetry.instrumentation.celery"),
    ],
)
def test_no_process_starts_without_the_package_of_what_is_set(
    tmp_path: Path, setting: str, address: str, package: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text(NOT_INSTALLED.format(package=package))
    environment = {**SAFE, "ONECARD_STACK_FILE": "", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    processes = {
        "check": [sys.executable, "manage.py", "check"],
        "web": [sys.executable, "-m", "onecard.serve", "--port", "1"],
        "worker": [sys.executable, "-m", "celery", "-A", "onecard.celery", "worker"],
    }
    for name, command in processes.items():
        ended = run(command, {**environment, setting: address})
        assert ended.returncode != 0, name
        assert f"{setting} is set, but {package} is not installed; install requirements-reports.txt" in ended.stderr
        assert "Traceback" not in ended.stderr, f"{name}: {ended.stderr}"


@pytest.mark.parametrize(
    ("name", "value"), [("SENTRY_DSN", "https://sentry.io/1"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")]
)
def test_an_address_that_is_none_stops_the_start(name: str, value: str) -> None:
    ended = start(**{name: value})
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"One Card cannot start: {name} ")
