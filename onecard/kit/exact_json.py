"""JSON whose numbers stay what they were written as: decimals are read as Decimal and written digit by digit."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any


def loads(body: bytes) -> Any:
    """Reads JSON with its decimals exact; raises ValueError for anything that is not strictly JSON."""
    try:
        return json.loads(body, parse_float=_exact, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("The body is nested too deeply.") from None


def dumps(value: Any) -> str:
    """Writes what `loads` gave, in ASCII; a Decimal keeps its digits (45.00 stays 45.00)."""
    try:
        # Most have no decimals, and this is written in C.
        return _PLAIN.encode(value)
    except _NotPlainError:
        return _write(value)


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


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON.")


class _NotPlainError(Exception):
    """There is something that the package does not write."""


def _stop(_value: object) -> None:
    raise _NotPlainError


_PLAIN = json.JSONEncoder(default=_stop)
