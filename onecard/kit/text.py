"""Foreign text made fit to store and to compare: in one form, without what nobody sees, no longer than its column."""

import re
import unicodedata
from typing import Final

from onecard.kit.masking import masked
from onecard.kit.redaction import redact

# Characters that show nothing though Unicode counts them among letters and marks (Default_Ignorable_Code_Point).
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_BLANKS: Final = re.compile(r"[^\S\n]+")


def clean_text(value: object, *, limit: int) -> str:
    """An id or a code: at most `limit` characters without NUL and lone surrogates; anything but a string gives "".

    Nothing else is changed, since ids are compared and a code that is written oddly is none.
    """
    return _storable(value).strip()[:limit] if isinstance(value, str) else ""


def free_text(value: object, *, limit: int) -> str:
    """A name, a reason or a message: `normalized`, its card numbers and codes covered; "" for what is no string."""
    return masked(normalized(value))[:limit].rstrip() if isinstance(value, str) else ""


def clean_message(value: object, *, limit: int) -> str:
    """The same for what another service says of an error: it may repeat our key, so secrets are taken out."""
    return free_text(redact(value) if isinstance(value, str) else "", limit=limit)


def normalized(text: str) -> str:
    """The text on one line, so that two texts that look alike are one.

    Unicode's compatibility form (NFKC); no controls, no zero-width and no direction characters, which hide or turn
    what follows; each run of blanks is one blank. PostgreSQL can hold the result.
    """
    if text.isascii() and text.isprintable():
        return text.strip() if "  " not in text else " ".join(text.split())
    return " ".join(_seen(text).split())


def normalized_lines(text: str) -> str:
    """The same for a text of several lines, which keeps its lines."""
    return "\n".join(_BLANKS.sub(" ", _seen(line)).strip() for line in text.splitlines()).strip()


def _seen(text: str) -> str:
    return unicodedata.normalize("NFKC", "".join(map(_shown, _UNSEEN.sub("", _storable(text)))))


def _storable(text: str) -> str:
    """Without what PostgreSQL cannot hold."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _shown(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in ("Cc", "Cf") else character
