"""Requests are complete before they take a thread, within bounds of size, time, number and memory."""

import asyncio
import threading
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from onecard.kit import buffered_wsgi
from onecard.kit.buffered_wsgi import ARRIVED_AT, Answer, BufferedWsgi, Lane, json_answer

Message = dict[str, Any]


def echo(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    told = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {environ['CONTENT_LENGTH']} ".encode()
    start_response("200 OK", [("X-Thread", threading.current_thread().name)])
    return [told, body]


def lane(**changes: Any) -> Lane:
    return Lane(**({"name": "lane", "threads": 1, "most_waiting": 1, "most_body": 10, "body_within_s": 0.2} | changes))


def ask(
    application: Any, *parts: bytes, stalls: bool = False, headers: Any = (), gone: bool = False
) -> tuple[int, bytes]:
    return asyncio.run(asked(application, *parts, stalls=stalls, headers=headers, gone=gone))


async def asked(
    application: Any, *parts: bytes, stalls: bool = False, headers: Any = (), gone: bool = False
) -> tuple[int, bytes]:
    messages: list[Message] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    if gone:
        messages.append({"type": "http.disconnect"})
    elif not stalls:
        messages = [*messages, {"type": "http.request", "body": b"", "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        await asyncio.sleep(60)
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/here",
        "query_string": b"",
        "http_version": "1.1",
        "headers": list(headers),
    }
    await application(scope, receive, send)
    return sent[0]["status"], sent[1]["body"]


def test_a_body_in_parts_reaches_the_application_whole_with_its_length() -> None:
    one = lane()
    application = BufferedWsgi(echo, lambda _path: one)
    assert ask(application, b"12", b"345", headers=[(b"transfer-encoding", b"chunked")]) == (200, b"POST /here 5 12345")


def test_a_request_says_when_it_arrived_and_keeps_no_underscored_header() -> None:
    seen: dict[str, Any] = {}

    def look(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.update(environ)
        return echo(environ, start_response)

    one = lane()
    headers = [(b"x_forwarded_proto", b"https"), (b"x-real-ip", b"10.0.0.1")]
    ask(BufferedWsgi(look, lambda _path: one), headers=headers)
    assert isinstance(seen[ARRIVED_AT], float)
    assert ("HTTP_X_FORWARDED_PROTO" in seen, seen["HTTP_X_REAL_IP"]) == (False, "10.0.0.1")


@pytest.mark.parametrize(
    ("parts", "more", "status"),
    [
        ((b"x" * 11,), {}, 413),
        ((b"x" * 6, b"x" * 6), {}, 413),
        ((), {"headers": [(b"content-length", b"11")]}, 413),
        ((b"x",), {"stalls": True}, 408),
        ((b"x",), {"gone": True}, 400),
        ((), {"headers": [(b"x-many", b"1")] * 101}, 400),
    ],
)
def test_a_request_out_of_bounds_takes_no_thread(parts: tuple[bytes, ...], more: dict[str, Any], status: int) -> None:
    def never(*_arguments: Any) -> Iterable[bytes]:
        raise AssertionError("the application was run")

    one = lane()
    application = BufferedWsgi(never, lambda _path: one)
    assert ask(application, *parts, **more)[0] == status
    assert application.buffered == 0


def test_bodies_take_no_more_memory_than_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffered_wsgi, "MOST_BUFFERED", 15)
    one = lane()
    application = BufferedWsgi(echo, lambda _path: one)

    async def both() -> list[tuple[int, bytes]]:
        return await asyncio.gather(
            asked(application, b"x" * 9, stalls=True), asked(application, b"x" * 9), return_exceptions=False
        )

    assert [status for status, _ in asyncio.run(both())] == [408, 503]
    assert ask(application, b"x" * 9)[0] == 200


def test_a_full_lane_refuses_and_other_lanes_go_on() -> None:
    release = threading.Event()

    def slow(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        release.wait(10)
        return echo(environ, start_response)

    busy, free = lane(name="busy"), lane(name="free")
    application, other = BufferedWsgi(slow, lambda _path: busy), BufferedWsgi(echo, lambda _path: free)

    async def all_of_them() -> tuple[int, int, list[int]]:
        waiting = [asyncio.create_task(asked(application)) for _ in range(2)]
        await asyncio.sleep(0.05)
        refused, served = await asked(application), await asked(other)
        release.set()
        return refused[0], served[0], [status for status, _ in await asyncio.gather(*waiting)]

    assert asyncio.run(all_of_them()) == (503, 200, [200, 200])


def test_what_gets_no_thread_in_time_is_shed_and_the_rest_waits() -> None:
    release = threading.Event()

    def slow(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        release.wait(10)
        return echo(environ, start_response)

    def shed(headers: Mapping[str, str], body: bytes) -> Answer | None:
        return None if body == b"news" else json_answer(402, headers["x-token"].encode())

    one = lane(most_waiting=2, shed_after_s=0.2, sheds={"/here": shed})
    application, headers = BufferedWsgi(slow, lambda _path: one), [(b"x-token", b"7")]

    async def all_of_them() -> list[tuple[int, bytes]]:
        async with asyncio.timeout(5):
            first, news = (asyncio.create_task(asked(application, b"news")) for _ in range(2))
            await asyncio.sleep(0.05)
            late = asyncio.create_task(asked(application, b"late", headers=headers))
            await asyncio.sleep(0.05)
            one_too_many = await asked(application, b"many", headers=headers)
            assert not late.done()
            shed_late, more_news = await late, asyncio.create_task(asked(application, b"news"))
            await asyncio.sleep(0.05)
            release.set()
            return [await first, await news, shed_late, one_too_many, await more_news]

    first, news, late, one_too_many, more_news = asyncio.run(all_of_them())
    assert first == news == (200, b"POST /here 4 news")
    assert late == one_too_many == (402, b"7")
    assert more_news[0] == 200, "there was room again once the late one was shed"
    assert one.under_way == 0


def test_every_thread_of_a_lane_is_warmed_up_and_a_failure_stops_nothing() -> None:
    asked_by: list[str] = []

    def look(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked_by.append(threading.current_thread().name)
        if len(asked_by) > 3:
            raise OSError("planned")
        return echo(environ, start_response)

    one = lane(threads=3)
    application = BufferedWsgi(look, lambda _path: one)
    application.warm_up(one, "/health/ready")
    assert len(set(asked_by)) == 3
    application.warm_up(one, "/health/ready")
    assert ask(BufferedWsgi(echo, lambda _path: one), b"1")[0] == 200


def test_the_applications_clean_up_runs_in_its_thread() -> None:
    closed: list[str] = []

    class Closing(list[bytes]):
        def close(self) -> None:
            closed.append(threading.current_thread().name)

    def answering(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("204 No Content", [])
        return Closing()

    one = lane(name="cleaner")
    assert ask(BufferedWsgi(answering, lambda _path: one)) == (204, b"")
    assert closed[0].startswith("cleaner")
