"""One POST to a stranger's server: to a checked address, within ten seconds in all, and no further than its answer.

It takes no proxy from the environment, follows no redirect and looks up no name a second time. The standard library's
client is used below a connection of our own: others look the name up themselves, and limit each step, not the whole.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Final

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from onecard.integrations import targets
from onecard.integrations.errors import TargetRefusedError
from onecard.integrations.targets import Target
from onecard.kit.masking import masked
from onecard.kit.redaction import redact
from onecard.kit.text import normalized_lines

DEADLINE_S: Final = 10.0
KEPT: Final = 1024
# A card's number or a secret that stands across the end of what is kept must still be seen as one.
READ_BEYOND: Final = 64
TOO_LATE: Final = f"No answer within {DEADLINE_S:.0f} s."


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `failure` says why it is no success, in a sentence, and is empty for one."""

    status_code: int | None
    text: str
    failure: str
    took_ms: int


def post(target: Target, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Sends the body once and returns what came of it; only faults of ours raise."""
    clock = _Clock()
    try:
        status_code, text = _exchange(target, body, headers, clock)
    except TargetRefusedError as error:
        return Answer(None, "", error.message, clock.took_ms)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Answer(None, "", TOO_LATE if clock.is_over else _words(error), clock.took_ms)
    return Answer(status_code, text, _complaint(status_code), clock.took_ms)


@cache
def tls() -> ssl.SSLContext:
    """Whom we believe: the usual authorities, for the name that was asked for."""
    return ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)


class _Clock:
    """The time that one POST has in all."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def left_s(self) -> float:
        return max(0.001, DEADLINE_S - (time.monotonic() - self._started))

    @property
    def is_over(self) -> bool:
        return time.monotonic() - self._started >= DEADLINE_S

    @property
    def took_ms(self) -> int:
        return int((time.monotonic() - self._started) * 1000)


def _exchange(target: Target, body: bytes, headers: Mapping[str, str], clock: _Clock) -> tuple[int, str]:
    with _connected(targets.resolve(target), target.port, clock) as raw, _ended_in_time(raw, clock):
        link = tls().wrap_socket(raw, server_hostname=target.host) if target.is_tls else raw
        client = http.client.HTTPConnection(target.host, target.port)
        client.sock = link
        try:
            client.request("POST", target.path, body, {"Host": _host(target), "Connection": "close", **headers})
            answer = client.getresponse()
            return answer.status, _beginning(answer)
        finally:
            client.close()


@contextmanager
def _connected(numbers: list[str], port: int, clock: _Clock) -> Iterator[socket.socket]:
    """Connects to the first of the addresses that answers."""
    for place, number in enumerate(numbers, start=1):
        try:
            link = socket.create_connection((number, port), timeout=clock.left_s / (2 if place < len(numbers) else 1))
        except OSError:
            if place == len(numbers) or clock.is_over:
                raise
        else:
            link.settimeout(clock.left_s)
            with link:
                yield link
            return


@contextmanager
def _ended_in_time(link: socket.socket, clock: _Clock) -> Iterator[None]:
    """Shuts the connection at the deadline, whatever the other side does: one byte a second never ends a read."""
    watched = link.dup()

    def end() -> None:
        with suppress(OSError):
            watched.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(clock.left_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        watched.close()


def _beginning(answer: http.client.HTTPResponse) -> str:
    """The first kibibyte of the answer, without secrets and card numbers. The status counts though the rest is lost."""
    raw = b""
    with suppress(OSError, http.client.HTTPException, ValueError):
        raw = answer.read(KEPT + READ_BEYOND)
    return masked(normalized_lines(redact(raw.decode("utf-8", "replace"))))[:KEPT]


def _host(target: Target) -> str:
    name = f"[{target.host}]" if ":" in target.host else target.host
    return name if target.port == (443 if target.is_tls else 80) else f"{name}:{target.port}"


def _complaint(status_code: int) -> str:
    if 200 <= status_code < 300:
        return ""
    follows = " Redirects are not followed." if 300 <= status_code < 400 else ""
    return f"It answered {status_code}.{follows}"


def _words(error: Exception) -> str:
    """What went wrong, without anything of ours or of the system in it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Its certificate is not valid: {error.verify_message}."
    if isinstance(error, ssl.SSLError):
        return "The TLS connection failed."
    if isinstance(error, TimeoutError):
        return TOO_LATE
    if isinstance(error, ConnectionRefusedError):
        return "It refused the connection."
    return "The connection failed." if isinstance(error, OSError) else "It did not answer in HTTP."
