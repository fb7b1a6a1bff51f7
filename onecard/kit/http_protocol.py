"""HTTP/1.1 for a server that strangers reach: a request's head has to come whole, soon, and be of a sensible size.

It also says when a request came to this machine: under load it may wait in the kernel until the event loop reads it.
And an application that has too much to do may answer a request before anything is made for it (docs/decisions/0057).
"""

import asyncio
import socket
import struct
import sys
import time
from collections.abc import Sequence
from typing import Any, Final, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from onecard.kit.buffered_wsgi import ARRIVED_AT, IS_WHOLE

# Far more than issuers, browsers and proxies send.
LARGEST_HEAD: Final = 64 * 1024
# `tcpi_last_data_recv` in the kernel's `struct tcp_info`: the milliseconds since the newest bytes came.
_LAST_RECEIVED: Final = 52
_KNOWS_ARRIVAL: Final = sys.platform == "linux"


class AtOnce(Protocol):
    """What an application that can answer before a request is begun has as `at_once`; nothing of it may wait."""

    def is_needed(self, path: bytes) -> bool:
        """Returns whether requests for this path are to be answered so now."""

    def answer(self, path: bytes, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bytes | None:
        """Returns the whole response to a POST, or None to have the request handled as every other."""


class BoundedHead(HttpToolsProtocol):
    """Hangs up on a client that says nothing, sends its head too slowly, or sends too much of it.

    The server's keep-alive time counts until the next head is whole, for the first request of a connection as well; the
    package itself counts until the first byte of the next request, and never before the first.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._is_in_head = True
        # The body of a request that may be answered at once, until what was read together has been parsed.
        self._held: bytearray | None = None
        self._at_once: AtOnce | None = getattr(self.app, "at_once", None)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        was_in_head = self._is_in_head
        super().data_received(data)
        self._let_go()
        if was_in_head and self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > LARGEST_HEAD:
                self.transport.close()

    def on_message_begin(self) -> None:
        self._is_in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        super()._unset_keepalive_if_required()
        if self._at_once is not None and self._is_alone() and self._at_once.is_needed(self.url):
            self._held = bytearray()
            return
        self._begin()

    def on_body(self, body: bytes) -> None:
        if self._held is None:
            super().on_body(body)
        else:
            self._held += body

    def on_message_complete(self) -> None:
        if self._held is not None and self._is_answered(self._held):
            self._held = None
            return
        self._let_go()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope[IS_WHOLE] = True
        super().on_message_complete()

    def _is_alone(self) -> bool:
        """Returns whether it is a plain request on a kept connection, and no other one is under way on it."""
        is_idle = self.cycle is None or self.cycle.response_complete
        is_plain = self.parser.get_http_version() == "1.1" and self.parser.should_keep_alive()
        return is_idle and is_plain and not self.expect_100_continue and self.parser.get_method() == b"POST"

    def _is_answered(self, body: bytearray) -> bool:
        assert self._at_once is not None  # noqa: S101  (nothing is held otherwise)
        response = self._at_once.answer(self.url, self.headers, bytes(body))
        if response is None:
            return False
        self.transport.write(response)
        self.server_state.total_requests += 1
        super()._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        return True

    def _let_go(self) -> None:
        """Has a request that was held handled as every other."""
        if self._held is not None:
            held, self._held = self._held, None
            self._begin()
            if held:
                super().on_body(bytes(held))

    def _begin(self) -> None:
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope[ARRIVED_AT] = time.perf_counter() - self._waited_s()
        super().on_headers_complete()

    def _unset_keepalive_if_required(self) -> None:
        """The package stops its clock here at each byte that comes."""

    def _waited_s(self) -> float:
        """Returns how long the bytes that were just read had waited; 0.0 where the kernel does not say."""
        link = self.transport.get_extra_info("socket") if _KNOWS_ARRIVAL else None
        if link is None:
            return 0.0
        try:
            info = link.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_RECEIVED + 4)
            waited_ms: int = struct.unpack_from("=I", info, _LAST_RECEIVED)[0]
        except (OSError, struct.error):
            return 0.0
        return waited_ms / 1000
