"""Events kept small: a proof makes hundreds of thousands of them, and nearly none is ever looked at again."""

import json
import zlib
from dataclasses import dataclass
from typing import Any, Self

from tests.sandbox.wire import Json, to_bytes

_FASTEST = 1


@dataclass(frozen=True, slots=True, eq=False)
class SealedEvent:
    """An event as it was sent; what a list is searched by can be read without opening it."""

    id: str
    type: str
    created: int
    packed: bytes

    @classmethod
    def of(cls, event: Json) -> Self:
        """Pack an event."""
        return cls(event["id"], event["type"], event["created"], zlib.compress(to_bytes(event), _FASTEST))

    def open(self) -> Json:
        """Unpack the whole event."""
        event: Json = json.loads(zlib.decompress(self.packed))
        return event

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)
