"""Covers card numbers, secrets and what names a person in everything that leaves the process as a log, fault or trace.

It is the last thing that is done to a line before it is written out, so nothing that is added to lines can pass it by.
"""

import functools
import re
from collections.abc import Mapping
from typing import Any, Final

from structlog.typing import EventDict, WrappedLogger

from onecard.kit import personal_data
from onecard.kit.masking import REMOVED, is_secret_name, masked
from onecard.kit.redaction import redact

# Beyond this, the rest of a value is cut off: a line must not be a file.
LONGEST: Final = 20_000
DEEPEST: Final = 8
# What we write ourselves and nobody else's text comes into.
OURS: Final = frozenset({"time", "level", "logger", "status", "duration_ms", "release"})
# A card's number has more digits, and so has a telephone number.
HARMLESS_NUMBER: Final = 10**7
# Names whose value is never written, whatever it looks like.
_NEVER: Final = re.compile(
    r"password|passwd|secret|cookie|^authorization$|api_?key|^(?:access_|refresh_|csrf_|session_)?token$|session_?key"
    r"|^e?_?mail$|email|phone|mobile|first_?name|last_?name|full_?name|^address|birth",
    re.IGNORECASE,
)


def cover(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The processor of structlog that covers each value of a line."""
    return {name: content if name in OURS else value(content, name) for name, content in event.items()}


def text(said: str) -> str:
    """Returns a text without card numbers, secrets and what names a person."""
    return personal_data.covered(masked(redact(said)))[:LONGEST]


def value(content: Any, name: str = "", depth: int = 0) -> Any:
    """Returns a value that may be written under this name, as JSON has it: what is neither becomes a text."""
    if content is None or isinstance(content, bool):
        return content
    if _is_never_written(name):
        return REMOVED
    if isinstance(content, int | float):
        if -HARMLESS_NUMBER < content < HARMLESS_NUMBER:
            return content
        shown = text(str(content))
        return content if shown == str(content) else shown
    if isinstance(content, Mapping) and depth < DEEPEST:
        return {text(str(key)): value(member, str(key), depth + 1) for key, member in content.items()}
    if isinstance(content, list | tuple | set | frozenset) and depth < DEEPEST:
        return [value(member, name, depth + 1) for member in content]
    return text(content if isinstance(content, str) else str(content))


@functools.lru_cache(maxsize=2048)
def _is_never_written(name: str) -> bool:
    return is_secret_name(name) or _NEVER.search(name) is not None
