"""Removes secrets from text that is kept, logged or shown: ours by their values, others by their form.

Libraries and services repeat what they were given: Stripe's refusal of a key contains a part of it, and an error about
a header contains all of it. The settings register our secrets once at the start (`protect`); error texts pass through
`redact`.
"""

import base64
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

REDACTED: Final = "[secret]"
# A shorter value, such as a private server's password, would make ordinary words unreadable.
LEAST_LENGTH: Final = 6
# A header, a key by its prefix (Stripe masks a part with stars), the user info of a URL.
SHAPES: Final = re.compile(
    r"(?P<scheme>\b(?:Bearer|Basic) )[A-Za-z0-9+/=_.~*\\-]{6,}"
    r"|(?P<said>\bAPI key provided: )\S+|\*{3,}[A-Za-z0-9]+"
    r"|\b(?:sk|rk|ek)_(?:org_)?(?:live|test)_[A-Za-z0-9*_]+"
    r"|\bwhsec_[A-Za-z0-9*_+/=]+"
    r"|(?P<link>\b[a-z][a-z0-9+.-]*://)[^/\s@'\"]*:[^/\s@'\"]*(?=@)",
    re.IGNORECASE,
)
_known: set[str] = set()
_pattern: re.Pattern[str] | None = None


def protect(secrets: Iterable[str]) -> None:
    """Registers values to remove, in each form in which a URL, a header or a message may contain them."""
    global _pattern  # noqa: PLW0603  (one set a process, like the environment that it is from)
    for secret in secrets:
        if len(secret) >= LEAST_LENGTH:
            _known.update(_forms(secret))
    longest_first = sorted(_known, key=lambda form: (-len(form), form))
    _pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def redact(text: str) -> str:
    """Returns the text without secrets."""
    kept = _pattern.sub(REDACTED, text) if _pattern else text
    return SHAPES.sub(_in_place_of, kept)


def _forms(secret: str) -> set[str]:
    escaped = secret.encode("unicode_escape").decode("ascii")
    return {secret, quote(secret, safe=""), quote_plus(secret), escaped, base64.b64encode(secret.encode()).decode()}


def _in_place_of(found: re.Match[str]) -> str:
    return f"{found['scheme'] or found['said'] or found['link'] or ''}{REDACTED}"
