"""One POST to a stranger's server: bounded in time and size, to the checked address, for the right name."""

import datetime as dt
import socket
import ssl
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from onecard.integrations import targets, wire
from onecard.integrations.targets import Target
from tests.support.webhook_receivers import Receiver, running_receiver

NAME = "hooks.example.com"


def post(receiver: Receiver) -> wire.Answer:
    return wire.post(targets.read(receiver.url), b"{}", {"webhook-id": "1"})


def test_what_is_sent_arrives(receiver: Receiver) -> None:
    answer = post(receiver)

    assert (answer.status_code, answer.text, answer.failure) == (200, "thanks", "")
    (received,) = receiver.received
    assert (received.path, received.body) == ("/hooks", b"{}")
    assert received.headers["host"] == f"127.0.0.1:{receiver.port}"


def test_a_redirect_is_a_failure_and_is_not_followed(receiver: Receiver) -> None:
    receiver.answers(302, Location=receiver.url)

    answer = post(receiver)

    assert answer.failure == "It answered 302. Redirects are not followed."
    assert len(receiver.received) == 1


def test_the_beginning_of_an_answer_is_kept_with_card_numbers_covered(receiver: Receiver) -> None:
    receiver.answers(500, b"a" * 1010 + b" 4242 4242 4242 4242 " + b"b" * 3_000_000)

    answer = post(receiver)

    assert answer.failure == "It answered 500."
    assert answer.text == "a" * 1010 + " **** **** ***"
    assert len(answer.text) == 1024


def test_a_receiver_that_trickles_is_hung_up_on_at_the_deadline(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 ")
        for _ in range(100):
            handler.wfile.write(b" ")
            time.sleep(0.02)

    monkeypatch.setattr(wire, "DEADLINE_S", 0.3)
    receiver.reply = trickle
    began = time.monotonic()

    answer = post(receiver)

    assert (answer.status_code, answer.failure) == (None, wire.TOO_LATE)
    assert time.monotonic() - began < 1.5


def test_a_yes_counts_although_the_rest_never_comes(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "DEADLINE_S", 0.3)
    receiver.answers(200, b"", Content_Length="10")

    assert post(receiver).failure == ""


@pytest.mark.parametrize("junk", [b"SSH-2.0-OpenSSH_9.6\r\n", b"", b"HTTP/1.1 abc\r\n\r\n", b"\x00" * 2000])
def test_what_is_no_http_is_a_failure_in_words(receiver: Receiver, junk: bytes) -> None:
    receiver.reply = lambda handler: handler.wfile.write(junk) and None

    answer = post(receiver)

    assert answer.status_code is None
    assert answer.failure in ("It did not answer in HTTP.", "The connection failed.")


def test_a_closed_port_is_a_failure_in_words(settings: Any) -> None:
    settings.WEBHOOKS_TO_LOOPBACK = True
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert wire.post(Target("127.0.0.1", port, "/", is_tls=False), b"", {}).failure == "It refused the connection."


def test_a_proxy_of_the_environment_is_not_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert post(receiver).failure == ""


@pytest.fixture
def secure(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver with a certificate for NAME, whose authority we believe; NAME leads to this machine."""
    settings.WEBHOOKS_TO_LOOPBACK = True
    certificate = certificate_in(tmp_path)
    ours = ssl.create_default_context(cafile=str(certificate))
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate)
    look_up, asked = socket.getaddrinfo, []

    def at_home(host: Any, *args: Any, **more: Any) -> Any:
        asked.append(host)
        assert asked.count(NAME) <= 1, "the name is looked up a second time"
        return look_up("127.0.0.1" if str(host).endswith("example.com") else host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", at_home)
    monkeypatch.setattr(wire, "tls", lambda: ours)
    with running_receiver(tls=theirs) as running:
        yield running


def test_the_certificate_is_checked_for_the_name_which_is_asked_once(secure: Receiver) -> None:
    answer = wire.post(Target(NAME, secure.port, "/hooks", is_tls=True), b"{}", {})

    assert answer.failure == ""
    assert secure.received[0].headers["host"] == f"{NAME}:{secure.port}"


def test_a_certificate_of_another_name_is_refused_and_nothing_is_sent(secure: Receiver) -> None:
    answer = wire.post(Target("other.example.com", secure.port, "/hooks", is_tls=True), b"{}", {})

    assert answer.failure.startswith("Its certificate is not valid: Hostname mismatch")
    assert secure.received == []


def test_an_authority_that_nobody_knows_is_refused(secure: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "tls", ssl.create_default_context)

    answer = wire.post(Target(NAME, secure.port, "/hooks", is_tls=True), b"{}", {})

    assert answer.failure.startswith("Its certificate is not valid")
    assert secure.received == []


def test_a_server_without_tls_is_refused(receiver: Receiver) -> None:
    answer = wire.post(Target("localhost", receiver.port, "/", is_tls=True), b"{}", {})
    assert answer.failure == "The TLS connection failed."
    assert receiver.received == []


def certificate_in(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return file
