"""Makes foreign text fit to store and compare: one form, without invisible characters, no longer than its column."""

import re
import unicodedata
from typing import Final

from onecard.kit.masking import masked
from onecard.kit.redaction import redact

# Invisible characters that Unicode counts among letters and marks (Default_Ignorable_Code_Point).
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_BLANKS: Final = re.compile(r"[^\S\n]+")


# Texts that need no change, such as the names of merchants: to look for a card's number in each costs every purchase.
# Only texts without one are kept.
_MOST_KNOWN: Final = 10_000
_known_as_harmless: set[str] = set()


def clean_text(value: object, *, limit: int) -> str:
    """Returns an id or code: at most `limit` characters without NUL and lone surrogates; "" for no string.

    It changes nothing else, because ids are compared, and a code that is written oddly is no code.
    """
    if not isinstance(value, str):
        return ""
    # Nearly all of them are like that, and every decision reads a dozen.
    plain = value if value.isascii() and "\x00" not in value else _storable(value)
    return plain.strip()[:limit]


def free_text(value: object, *, limit: int) -> str:
    """Returns a name, reason or message `normalized`, with card numbers and codes covered; "" for no string."""
    if not isinstance(value, str):
        return ""
    if value in _known_as_harmless:
        return value[:limit].rstrip()
    shown = masked(normalized(value))
    if shown == value and len(value) <= limit and len(_known_as_harmless) < _MOST_KNOWN:
        _known_as_harmless.add(value)
    return shown[:limit].rstrip()


def clean_message(value: object, *, limit: int) -> str:
    """Returns another service's error message as `free_text`, without secrets: it may repeat our key."""
    return free_text(redact(value) if isinstance(value, str) else "", limit=limit)


def normalized(text: str) -> str:
    """Returns the text on one line, so that two texts that look alike are equal.

    Unicode's compatibility form (NFKC), without control, zero-width and direction characters, which hide or turn the
    text after them; each run of blanks becomes one blank. PostgreSQL can store the result.
    """
    if text.isascii() and text.isprintable():
        return text.strip() if "  " not in text else " ".join(text.split())
    return " ".join(_visible(text).split())


def normalized_lines(text: str) -> str:
    """Returns a text of several lines in the same form, with its lines."""
    return "\n".join(_BLANKS.sub(" ", _visible(line)).strip() for line in text.splitlines()).strip()


def _visible(text: str) -> str:
    return unicodedata.normalize("NFKC", "".join(map(_shown, _UNSEEN.sub("", _storable(text)))))


def _storable(text: str) -> str:
    """Returns the text without what PostgreSQL cannot store."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _shown(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in ("Cc", "Cf") else character
