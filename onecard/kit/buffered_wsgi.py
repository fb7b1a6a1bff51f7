"""A WSGI application behind an ASGI server: a thread is used only when a request is complete.

The ASGI server reads from many clients at once without a thread for each. So a client that sends half a body, or a byte
a second, costs a little memory and no thread (docs/decisions/0033). Requests run in lanes. Each lane has its own
threads and queue, so that work of one kind never waits for work of another.
"""

import asyncio
import io
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from threading import Barrier
from typing import Any

import msgspec
from asgiref.wsgi import WsgiToAsgiInstance

from onecard.kit import log_context, request_ids

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
WsgiApplication = Callable[..., Iterable[bytes]]
Headers = list[tuple[bytes, bytes]]
# Maps a request's lower-case headers and body to an answer, or to None to let it wait.
Shed = Callable[[Mapping[str, str], bytes], "Answer | None"]

# Maps headers, body and time of arrival to an answer, or to what the WSGI application has to know beside the request.
Look = Callable[[Mapping[str, str], bytes, float], Awaitable["Answer | dict[str, Any]"]]

# The limit of all bodies that one process receives or keeps waiting; beyond it requests with a body are refused.
MOST_BUFFERED = 64 * 1024 * 1024
# A flood of requests must not flood the log.
LOGGED_EVERY_S = 5.0
# How long a new process may warm up before it serves in any case.
WARM_UP_S = 10.0
# A request that was complete late still has this long to find a thread.
LEAST_WAIT_S = 0.1
# The key of a request's time of arrival in its scope and in the WSGI environment, by time.perf_counter().
ARRIVED_AT = "onecard.arrived_at"
# The key, in what a look returns, of what is called when the request is shed after all, so that no thread takes it up.
WHEN_SHED = "onecard.when_shed"
# The key of a scope whose body has come to its end.
IS_WHOLE = "onecard.is_whole"
ID_HEADER = request_ids.HEADER.lower().encode()
_ID_NAME = request_ids.HEADER.lower()
# The key of a scope's headers as text.
_READ_HEADERS = "onecard.headers"


@dataclass(slots=True)
class Lane:
    """One kind of requests: its threads, how many may wait for them, and the limits of a body.

    `sheds` maps a path to what answers a request when the lane is full, or when no thread was free within
    `shed_after_s` seconds of its arrival. It runs in the event loop, so it must not wait. `looks_first` maps a path to
    what answers ordinary requests in the event loop, without a thread. While `is_swamped`, `sheds` answers before a
    request is even begun (onecard/kit/shed_at_once.py).
    """

    name: str
    threads: int
    most_waiting: int
    most_body: int
    body_within_s: float
    shed_after_s: float = 0.0
    sheds: Mapping[str, Shed] = field(default_factory=dict)
    looks_first: Mapping[str, Look] = field(default_factory=dict)
    is_swamped: Callable[[], bool] = lambda: False
    under_way: int = 0
    logged_at: float = 0.0
    executor: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self.executor = ThreadPoolExecutor(self.threads, thread_name_prefix=self.name)

    @property
    def is_full(self) -> bool:
        """Whether one more request would wait behind too many."""
        return self.under_way >= self.threads + self.most_waiting


class Answer(msgspec.Struct, frozen=True):
    """A complete response."""

    status: int
    headers: Headers
    body: bytes


class RefusedError(Exception):
    """The request is answered without the application, and the connection is closed."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class BufferedWsgi:
    """The ASGI application: reads a request to its end, within limits, and runs the WSGI application in its lane."""

    def __init__(self, application: WsgiApplication, lane_of: Callable[[str], Lane]) -> None:
        self._application = application
        self._lane_of = lane_of
        self.buffered = 0
        # The server's protocol asks it for an answer before it begins a request, where the project has set it.
        self.at_once: object = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request and ignores the server's other messages (lifespan, websockets)."""
        if scope["type"] != "http":
            raise ValueError(f"This server speaks HTTP only, not {scope['type']}.")
        arrived_at, taken = scope.get(ARRIVED_AT) or time.perf_counter(), [0]
        scope[request_ids.KEPT_AS] = name = request_ids.taken_or_new(_headers(scope).get(_ID_NAME, ""))
        log_context.bind_request(name)
        try:
            answer = await self._respond(scope, receive, arrived_at, taken)
        except RefusedError as error:
            answer = _refusal(error)
        finally:
            self.buffered -= taken[0]
        headers = answer.headers
        if all(given != ID_HEADER for given, _ in headers):
            headers = [*headers, (ID_HEADER, name.encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    def warm_up(self, lane: Lane, path: str) -> None:
        """Requests a page in each thread of the lane at once, before the first request comes.

        That does what a process and a thread do only once (modules, routes, a database connection).
        """
        together = Barrier(lane.threads)

        def ask() -> int:
            together.wait(WARM_UP_S)
            scope = {
                "type": "http",
                "method": "GET",
                "path": path,
                "query_string": b"",
                "headers": [(b"host", b"localhost")],
            }
            return _run(self._application, _environ({"http_version": "1.1"} | scope, b"")).status

        try:
            statuses = [asked.result(WARM_UP_S) for asked in [lane.executor.submit(ask) for _ in range(lane.threads)]]
            log.info("%s threads are ready: %s answered %s", lane.name, path, sorted(set(statuses)))
        except Exception:
            log.exception("%s threads could not be made ready; their first requests take longer", lane.name)

    async def _respond(self, scope: Scope, receive: Receive, arrived_at: float, taken: list[int]) -> Answer:
        lane = self._lane_of(scope["path"])
        shed = lane.sheds.get(scope["path"])
        if shed is None:
            _refuse_full(lane)
        body = await self._body(scope, receive, lane, taken)
        answer_instead = partial(_shed, shed, scope, body)
        if lane.is_full and (instead := answer_instead()):
            return instead
        _refuse_full(lane)
        look = lane.looks_first.get(scope["path"]) if scope["method"] == "POST" else None
        found = await look(_headers(scope), body, arrived_at) if look else {}
        if isinstance(found, Answer):
            return found
        when_shed = found.pop(WHEN_SHED, _do_nothing)
        environ = _environ(scope, body) | found
        environ[ARRIVED_AT] = arrived_at
        lane.under_way += 1
        try:
            running = lane.executor.submit(_run, self._application, environ)
            if shed is None or lane.under_way <= lane.threads:
                return await asyncio.wrap_future(running)
            left_s = lane.shed_after_s - (time.perf_counter() - arrived_at)
            return await _in_time(running, max(left_s, LEAST_WAIT_S), answer_instead, when_shed)
        finally:
            lane.under_way -= 1

    async def _body(self, scope: Scope, receive: Receive, lane: Lane, taken: list[int]) -> bytes:
        declared = _headers(scope).get("content-length", "")
        _refuse_other_codings(scope)
        if declared.isdigit() and int(declared) > lane.most_body:
            raise RefusedError(413, f"The body is larger than {lane.most_body} bytes.")
        if scope.get(IS_WHOLE):
            # Nothing is waited for, and a time limit would cost a decision some of its time.
            return await self._read(receive, lane, taken)
        try:
            async with asyncio.timeout(lane.body_within_s):
                return await self._read(receive, lane, taken)
        except TimeoutError:
            raise RefusedError(408, f"The body was not complete within {lane.body_within_s:g} seconds.") from None

    async def _read(self, receive: Receive, lane: Lane, taken: list[int]) -> bytes:
        """`taken` counts what this request holds of the process's memory, whatever becomes of it."""
        parts: list[bytes] = []
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise RefusedError(400, "The body ended before it was complete.")
            part = message.get("body", b"")
            parts.append(part)
            taken[0] += len(part)
            self.buffered += len(part)
            if taken[0] > lane.most_body:
                raise RefusedError(413, f"The body is larger than {lane.most_body} bytes.")
            if self.buffered > MOST_BUFFERED:
                raise RefusedError(503, "Too much is being received now; send it again.")
            if not message.get("more_body"):
                return parts[0] if len(parts) == 1 else b"".join(parts)


async def _in_time(
    running: Future[Answer],
    within_s: float,
    answer_instead: Callable[[], Answer | None],
    when_shed: Callable[[], object],
) -> Answer:
    """Returns the application's answer, or the shed answer when no thread was free in time."""
    answered = asyncio.wrap_future(running)
    await asyncio.wait({answered}, timeout=within_s)
    if not answered.done() and not running.running():
        instead = answer_instead()
        # Once a thread has the request, it cannot be stopped.
        if instead is not None and running.cancel():
            when_shed()
            return instead
    return await answered


def _do_nothing() -> None:
    """Is called for a request that leaves nothing behind when it is shed."""


def _shed(shed: Shed | None, scope: Scope, body: bytes) -> Answer | None:
    return shed(_headers(scope), body) if shed else None


def _refuse_full(lane: Lane) -> None:
    if not lane.is_full:
        return
    moment = time.monotonic()
    if moment - lane.logged_at > LOGGED_EVERY_S:
        lane.logged_at = moment
        log.error("requests are refused: %d wait for a thread already (%s)", lane.most_waiting, lane.name)
    raise RefusedError(503, "There is too much to do now; send it again.")


def _environ(scope: Scope, body: bytes) -> dict[str, Any]:
    """Returns the WSGI environment of a complete request: its body has a length, however it was framed.

    Leaves out a header with an underscore: it would look like the one with a hyphen that a proxy sets.
    """
    headers = [(name, value) for name, value in scope["headers"] if b"_" not in name]
    bridge: Any = WsgiToAsgiInstance(None)  # type: ignore[no-untyped-call]
    bridge.scope = {**scope, "headers": headers}
    try:
        environ: dict[str, Any] = bridge.build_environ(bridge.scope, io.BytesIO(body))
    except ValueError as error:
        raise RefusedError(400, "The request's address or headers cannot be read.") from error
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ["CONTENT_LENGTH"] = str(len(body)) if body else ""
    if request_ids.KEPT_AS in scope:
        environ[request_ids.KEPT_AS] = scope[request_ids.KEPT_AS]
    return environ


def _run(application: WsgiApplication, environ: dict[str, Any]) -> Answer:
    """Runs in a thread of the lane, with the application's clean-up, which returns its database connection."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _info: object = None) -> None:
        started.append((status, headers))

    with log_context.fresh(request_id=environ.get(request_ids.KEPT_AS, "")):
        answered = application(environ, start_response)
        try:
            body = b"".join(answered)
        finally:
            if hasattr(answered, "close"):
                answered.close()
    status, headers = started[-1]
    return Answer(
        int(status.split(" ", 1)[0]),
        [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        body,
    )


def _refusal(error: RefusedError) -> Answer:
    return json_answer(error.status, f'{{"error": "{error}"}}'.encode(), (b"connection", b"close"))


def _refuse_other_codings(scope: Scope) -> None:
    """Refuses unknown transfer codings: a proxy could see another end of the body (RFC 9112, section 6.1)."""
    if "transfer-encoding" not in _headers(scope):
        return
    codings = [value.strip().lower() for name, value in scope["headers"] if name == b"transfer-encoding"]
    if codings != [b"chunked"]:
        raise RefusedError(501, "The only transfer coding that is read is chunked.")


def json_answer(status: int, body: bytes, *more: tuple[bytes, bytes]) -> Answer:
    """Returns a complete response in JSON, with further headers."""
    length = (b"content-length", str(len(body)).encode())
    return Answer(status, [(b"content-type", b"application/json"), length, *more], body)


def _headers(scope: Scope) -> dict[str, str]:
    """Returns the headers by their lower-case names, read once; of several with one name the first counts."""
    if _READ_HEADERS not in scope:
        given = reversed(scope["headers"])
        scope[_READ_HEADERS] = {name.decode("latin-1"): value.decode("latin-1") for name, value in given}
    read: dict[str, str] = scope[_READ_HEADERS]
    return read
