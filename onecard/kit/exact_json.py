"""JSON whose numbers stay what they were written as: decimals are read as Decimal and written digit by digit."""

import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

# Far more places, before and after the point, than any number here has.
MOST_PLACES = 40


def loads(body: bytes) -> Any:
    """Reads JSON with its decimals exact; raises ValueError for anything that is not strictly JSON."""
    return _read(body, _EXACT)


def loads_whole(body: bytes, *, points: bool) -> Any:
    """As `loads`, for systems that count in whole units: 1E+3 is read as the integer 1000, with `points` 1000.0 too.

    A decimal point may also mean that somebody counts in other units, so what has to be certain is read without.
    """
    return _read(body, _WITH_POINTS if points else _WITHOUT_POINTS)


def whole(number: Decimal) -> int | None:
    """Returns the integer that a number is, or None.

    Numbers of very many digits are none, since they would fill the memory.
    """
    if not number.is_finite() or abs(number.adjusted()) > MOST_PLACES or number != number.to_integral_value():
        return None
    return int(number)


def dumps(value: Any) -> str:
    """Writes what `loads` gave, in ASCII; a Decimal keeps its digits (45.00 stays 45.00)."""
    try:
        # Most have no decimals, and this is written in C.
        return _PLAIN.encode(value)
    except _NotPlainError:
        return _write(value)


def _read(body: bytes, decoder: "msgspec.json.Decoder[Any]") -> Any:
    """Reads with the fast package, and with Python's own what that refuses: other encodings, halves of a pair."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _read_slowly(body, decoder.float_hook)


def _read_slowly(body: bytes, number: Callable[[str], Any] | None) -> Any:
    try:
        return json.loads(body, parse_float=number, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("The body is nested too deeply.") from None


def _write(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(name))}: {_write(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_write, value)) + "]"
    return json.dumps(value)


def _exact(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text[:20]} is beyond any number.") from None


def _whole_if_it_is(text: str) -> int | Decimal:
    exact = _exact(text)
    found = whole(exact)
    return exact if found is None else found


def _whole_power(text: str) -> int | Decimal:
    return _whole_if_it_is(text) if "e" in text.lower() else _exact(text)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON.")


class _NotPlainError(Exception):
    """There is something that the package does not write."""


def _stop(_value: object) -> None:
    raise _NotPlainError


_PLAIN = json.JSONEncoder(default=_stop)
_EXACT, _WITH_POINTS, _WITHOUT_POINTS = (
    msgspec.json.Decoder(float_hook=hook) for hook in (_exact, _whole_if_it_is, _whole_power)
)
