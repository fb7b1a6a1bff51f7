"""A client that sends no whole head of a request in time, or too much of one, is hung up on; all others are served."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from onecard.kit.buffered_wsgi import ARRIVED_AT, IS_WHOLE
from onecard.kit.http_protocol import LARGEST_HEAD, BoundedHead

HEAD_WITHIN_S = 1
REQUEST = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server that answers with the length of the body."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        config = uvicorn.Config(
            _length_of_body,
            http=BoundedHead,
            proxy_headers=False,
            timeout_keep_alive=HEAD_WITHIN_S,
            lifespan="off",
            log_config=None,
            access_log=False,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def test_a_client_that_says_nothing_is_hung_up_on(port: int) -> None:
    with _connected(port) as link:
        assert link.recv(100) == b""


def test_a_head_that_drips_is_hung_up_on(port: int) -> None:
    started = time.monotonic()
    with _connected(port) as link, contextlib.suppress(ConnectionError):
        link.sendall(b"POST / HTTP/1.1\r\nX-Slow: ")
        link.settimeout(0.1)
        while time.monotonic() < started + 10:
            link.send(b"x")
            with contextlib.suppress(TimeoutError):
                assert link.recv(100) == b""
                break
    # The server's loop counts from the start of a turn, which may be some milliseconds before the connection.
    assert 0.9 * HEAD_WITHIN_S <= time.monotonic() - started < 10


def test_a_head_that_is_too_long_is_hung_up_on_at_once(port: int) -> None:
    started = time.monotonic()
    with _connected(port) as link, contextlib.suppress(ConnectionError):
        link.sendall(REQUEST[:-2])
        for _ in range(2 * LARGEST_HEAD // 1000):
            link.sendall(b"X-More: " + b"x" * 990 + b"\r\n")
        assert link.recv(100) == b""
    assert time.monotonic() - started < HEAD_WITHIN_S


def test_a_kept_connection_serves_the_next_request(port: int) -> None:
    with _connected(port) as link:
        for _ in range(3):
            link.sendall(REQUEST + b"1234")
            assert _answer(link).endswith(b"\r\n\r\n4")


def test_a_kept_connection_without_another_request_is_hung_up_on(port: int) -> None:
    with _connected(port) as link:
        link.sendall(REQUEST + b"1234")
        assert _answer(link).endswith(b"4")
        assert link.recv(100) == b""


def test_a_body_may_take_longer_than_a_head(port: int) -> None:
    with _connected(port) as link:
        link.sendall(REQUEST)
        time.sleep(1.5 * HEAD_WITHIN_S)
        link.sendall(b"1234")
        assert _answer(link).endswith(b"4")


@pytest.mark.parametrize(("pause_s", "is_whole"), [(0, b"1"), (0.2, b"0")])
def test_a_request_says_whether_its_body_was_whole_when_it_began(port: int, pause_s: float, is_whole: bytes) -> None:
    parts = [REQUEST.replace(b"/ HTTP", b"/whole HTTP"), b"1234"]
    with _connected(port) as link:
        for part in parts if pause_s else [b"".join(parts)]:
            link.sendall(part)
            time.sleep(pause_s)
        assert _answer(link).endswith(b"\r\n\r\n" + is_whole)


def test_a_large_body_is_no_long_head(port: int) -> None:
    size = 4 * LARGEST_HEAD
    with _connected(port) as link:
        link.sendall(REQUEST.replace(b"Length: 4", b"Length: %d" % size) + b"x" * size)
        assert _answer(link).endswith(b"%d" % size)


def test_what_an_application_answers_at_once_never_begins(port: int, swamped: None) -> None:
    with _connected(port) as link:
        for body, answer in ((b"shed", b"no"), (b"else", b"4"), (b"shed", b"no")):
            link.sendall(REQUEST + body)
            assert _answer(link).endswith(b"\r\n\r\n" + answer)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([REQUEST, b"shed"], id="a body that comes later"),
        pytest.param([REQUEST + b"sh", b"ed"], id="a body in parts"),
        pytest.param([REQUEST.replace(b"POST", b"PUT ") + b"shed"], id="another method"),
        pytest.param([REQUEST.replace(b"/ HTTP", b"/other HTTP") + b"shed"], id="another path"),
        pytest.param([REQUEST.replace(b"1.1", b"1.0") + b"shed"], id="a connection that is not kept"),
    ],
)
def test_what_is_no_whole_plain_request_is_handled_as_ever(port: int, swamped: None, parts: list[bytes]) -> None:
    with _connected(port) as link:
        for part in parts:
            link.sendall(part)
            time.sleep(0.1)
        assert _answer(link).endswith(b"\r\n\r\n4")


def test_requests_that_come_together_are_answered_in_their_order(port: int, swamped: None) -> None:
    with _connected(port) as link:
        link.sendall(REQUEST + b"else" + REQUEST + b"shed" + REQUEST + b"shed")
        received = b""
        while received.count(b"HTTP/1.1") < 3 or not received.endswith((b"4", b"no")):
            received += link.recv(1000)
        assert [part.rpartition(b"\r\n\r\n")[2] for part in received.split(b"HTTP/1.1")[1:]] == [b"4"] * 3


def test_after_an_answer_at_once_a_silent_client_is_hung_up_on(port: int, swamped: None) -> None:
    with _connected(port) as link:
        link.sendall(REQUEST + b"shed")
        assert _answer(link).endswith(b"no")
        assert link.recv(100) == b""


def test_the_wait_in_the_kernel_counts_as_age(port: int) -> None:
    with _connected(port) as link:
        link.sendall(REQUEST.replace(b"/ HTTP", b"/busy HTTP") + b"1234")
        time.sleep(0.05)
        with _connected(port) as other:
            other.sendall(REQUEST.replace(b"/ HTTP", b"/age HTTP") + b"1234")
            assert int(_answer(other).rpartition(b"\r\n\r\n")[2]) > 200
        assert _answer(link).endswith(b"4")


class _Swamped:
    """Answers bodies that say so, while `is_on`."""

    is_on = False

    def is_needed(self, path: bytes) -> bool:
        return self.is_on and path == b"/"

    def answer(self, _path: bytes, headers: Any, body: bytes) -> bytes | None:
        assert (b"host", b"here") in headers
        return b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno" if body == b"shed" else None


@pytest.fixture
def swamped() -> Iterator[None]:
    _Swamped.is_on = True
    yield
    _Swamped.is_on = False


async def _length_of_body(scope: Any, receive: Any, send: Any) -> None:
    age_ms = (time.perf_counter() - scope[ARRIVED_AT]) * 1000
    if scope["path"] == "/busy":
        time.sleep(0.5)  # The loop is late for everybody.
    length, is_whole, was_whole = 0, False, int(IS_WHOLE in scope)
    while not is_whole:
        message = await receive()
        length += len(message.get("body", b""))
        is_whole = not message.get("more_body")
    body = str({"/age": int(age_ms), "/whole": was_whole}.get(scope["path"], length)).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextlib.contextmanager
def _connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
        yield link


_length_of_body.at_once = _Swamped()  # type: ignore[attr-defined]


def _answer(link: socket.socket) -> bytes:
    answer = b""
    while b"\r\n\r\n" not in answer or answer.endswith(b"\r\n\r\n"):
        part = link.recv(1000)
        assert part, answer
        answer += part
    return answer
