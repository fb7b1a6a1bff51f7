"""Sheds requests before they are begun: each costs a fraction of one that is (docs/decisions/0057)."""

import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final

from onecard.kit import request_ids
from onecard.kit.buffered_wsgi import ID_HEADER, Lane

log = logging.getLogger(__name__)

_PHRASES: Final = {status.value: status.phrase.encode() for status in HTTPStatus}


class ShedsAtOnce:
    """What swamped lanes answer where the bytes are read (onecard.kit.http_protocol.AtOnce)."""

    def __init__(self, lane_of: Callable[[str], Lane]) -> None:
        self._lane_of = lane_of

    def is_needed(self, path: bytes) -> bool:
        name = path.decode("latin-1")
        lane = self._lane_of(name)
        return name in lane.sheds and lane.is_swamped()

    def answer(self, path: bytes, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bytes | None:
        name = path.decode("latin-1")
        given = {key.decode("latin-1"): value.decode("latin-1") for key, value in headers}
        try:
            found = self._lane_of(name).sheds[name](given, body)
        except Exception:
            log.exception("a request could not be shed; it is handled as every other")
            return None
        if found is None:
            return None
        named = (ID_HEADER, request_ids.taken_or_new(given.get(request_ids.HEADER.lower(), "")).encode())
        head = b"".join(b"%b: %b\r\n" % pair for pair in (*found.headers, named))
        return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (found.status, _PHRASES[found.status], head, found.body)
