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
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(name))}: {dumps(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(dumps, value)) + "]"
    return json.dumps(value)


def _exact(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text[:20]} is beyond any number.") from None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON.")
