"""HTTP/1.1 for a server that strangers reach: a request's head has to come whole, soon, and be of a sensible size."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Far more than issuers, browsers and proxies send.
LARGEST_HEAD: Final = 64 * 1024


class BoundedHead(HttpToolsProtocol):
    """Hangs up on a client that says nothing, sends its head too slowly, or sends too much of it.

    The server's keep-alive time counts until the next head is whole, for the first request of a connection as well; the
    package itself counts until the first byte of the next request, and never before the first.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._is_in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        was_in_head = self._is_in_head
        super().data_received(data)
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
        super().on_headers_complete()

    def _unset_keepalive_if_required(self) -> None:
        """The package stops its clock here at each byte that comes."""
