"""A hash of an event's content, which its id is bound to: the same id with another hash is a contradiction.

The hash ignores how the content is written: issuers write a redelivery anew, with other spaces, another order of keys
and new counters.
"""

import hashlib
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from onecard.kit.masking import masked
from onecard.kit.money import WRITTEN_NUMBER

# A decimal of more digits before or after the point is hashed as it is written.
MOST_DIGITS = 30
# Of thirteen digits.
_LEAST_CARD_NUMBER = 10**12
# Only texts in which nothing has to be covered are remembered.
_MOST_REMEMBERED = 5_000
_LONGEST_REMEMBERED = 64
_harmless: set[str] = set()


def of(said: Any, *, is_clean: bool = False) -> str:
    """Returns the SHA-256, in hex, of JSON values in canonical form; "" for what is nested too deeply to be hashed.

    Values that are clean come from a body without card data, so no text among them has to be looked at.
    """
    try:
        text = _written(_covered(said, _as_it_is if is_clean else _masked))
    except RecursionError:
        return ""
    return hashlib.sha256(text).hexdigest()


def number(value: object) -> object:
    """Returns a number in one form, whether it came as 45, 45.00, "45.0" or "4.5E+1"; anything else stays as it is."""
    if isinstance(value, str) and WRITTEN_NUMBER.fullmatch(value):
        return _number(Decimal(value))
    return _number(value) if isinstance(value, Decimal) else value


def other_id(event_id: str, fingerprint: str) -> str:
    """Returns the name of an event whose own id belongs to an event with another content."""
    return f"sha256:{hashlib.sha256(f'{event_id}:{fingerprint}'.encode()).hexdigest()}"


def _written(value: Any) -> bytes:
    """Writes JSON values in canonical form: without blanks, names in order, and in ASCII.

    The package is several times as fast as Python's own, and writes the same bytes unless there is something to escape
    that Python escapes and the package does not.
    """
    try:
        text = msgspec.json.encode(value, order="sorted")
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError):
        text = b""
    if text and text.isascii() and b"\x7f" not in text:
        return text
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _covered(said: Any, cover: Callable[[str], str]) -> Any:
    """Returns the values without cards' numbers: a hash over a number would reveal the number."""
    if isinstance(said, str):
        return cover(said)
    if isinstance(said, dict):
        return {cover(name): _covered(value, cover) for name, value in said.items()}
    if isinstance(said, list | tuple):
        return [_covered(value, cover) for value in said]
    number = _number(said) if isinstance(said, Decimal) else said
    if isinstance(number, bool | None) or (isinstance(number, int) and abs(number) < _LEAST_CARD_NUMBER):
        return number
    text = str(number)
    covered = masked(text)
    return number if covered == text else covered


def _as_it_is(text: str) -> str:
    return text


def _masked(text: str) -> str:
    """Returns the text without card numbers; most come again and again, and each is looked at once."""
    if text in _harmless:
        return text
    covered = masked(text)
    if covered == text and len(text) <= _LONGEST_REMEMBERED:
        if len(_harmless) >= _MOST_REMEMBERED:
            _harmless.clear()
        _harmless.add(text)
    return covered


def _number(value: object) -> object:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} is no value of JSON.")
    if not value.is_finite() or abs(value.adjusted()) > MOST_DIGITS:
        return str(value)
    return int(value) if value == value.to_integral_value() else str(value.normalize())
