"""A client that sends no whole head of a request in time, or too much of one, is hung up on; all others are served."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

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
    assert HEAD_WITHIN_S <= time.monotonic() - started < 10


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


def test_a_large_body_is_no_long_head(port: int) -> None:
    size = 4 * LARGEST_HEAD
    with _connected(port) as link:
        link.sendall(REQUEST.replace(b"Length: 4", b"Length: %d" % size) + b"x" * size)
        assert _answer(link).endswith(b"%d" % size)


async def _length_of_body(_scope: Any, receive: Any, send: Any) -> None:
    length, is_whole = 0, False
    while not is_whole:
        message = await receive()
        length += len(message.get("body", b""))
        is_whole = not message.get("more_body")
    body = str(length).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextlib.contextmanager
def _connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
        yield link


def _answer(link: socket.socket) -> bytes:
    answer = b""
    while b"\r\n\r\n" not in answer or answer.endswith(b"\r\n\r\n"):
        part = link.recv(1000)
        assert part, answer
        answer += part
    return answer
