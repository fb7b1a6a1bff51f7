"""Turns MongoDB's extended JSON into plain values, and compares the content of documents."""

import base64
import datetime as dt
import hashlib
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

OBJECT_ID: Final = re.compile(r"[0-9a-fA-F]{24}")
_WHOLE: Final = re.compile(r"-?[0-9]{1,19}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?")
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LARGEST_MS: Final = 10**14
# Beyond it a double is no whole number that anybody counted.
_LARGEST_WHOLE: Final = 2**63
_UUID_SUBTYPES: Final = (3, 4)
_ABSENT: Final = object()
_WRAPPERS: Final = (
    {"$oid"}, {"$uuid"}, {"$date"}, {"$symbol"}, {"$timestamp"}, {"$binary"}, {"$binary", "$type"},
    {"$numberInt"}, {"$numberLong"}, {"$numberDouble"}, {"$numberDecimal"},
)  # fmt: skip


def plain(value: Any) -> Any:
    """Returns the value without wrappers ($oid, $date, $number…); a wrapper with odd content stays as it is."""
    if isinstance(value, dict):
        if len(value) == 1:
            ((name, inner),) = value.items()
            unwrapped = _unwrapped(name, inner)
            if unwrapped is not _ABSENT:
                return unwrapped
        return {name: plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [plain(member) for member in value]
    return value


def readable(value: Any) -> Any:
    """Returns the value for reading its fields: `plain`, with old forms of values in their usual form.

    Binary ids become text. 5812.0 becomes 5812. A date may be in seconds ($timestamp), or in milliseconds as a
    double or as text. Digests are made of `plain` and not of this, so that documents that were imported before
    still count as unchanged.
    """
    if isinstance(value, dict):
        found = _read_wrapper(value)
        if found is not _ABSENT:
            return found
        # Read inside, a wrong wrapper could become a right one that a second reading takes for a value.
        return value if set(value) in _WRAPPERS else {name: readable(member) for name, member in value.items()}
    if isinstance(value, list):
        return [readable(member) for member in value]
    return _whole_or_exact(value)


def moment_of(value: Any) -> dt.datetime | None:
    """Returns the time of ISO 8601 text (UTC without a zone) or of milliseconds since 1970; None for anything else."""
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return _EPOCH + dt.timedelta(milliseconds=value) if abs(value) < _LARGEST_MS else None
    if not isinstance(value, str):
        return None
    try:
        read = dt.datetime.fromisoformat(value.strip())
        return (read if read.tzinfo else read.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def digest_of(kind: str, document: Mapping[str, Any]) -> str:
    """Returns the SHA-256 of a document's content, whatever its order of fields and its spelling of dates and numbers.

    The document must be without card data: a hash of a card number can be found by trying every number.
    """
    text = json.dumps([kind, _canonical(plain(document))], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def differences(stored: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Returns the names of the fields in which two documents differ; names of inner fields are joined with dots."""
    first, second = dict(_leaves(_canonical(plain(stored)))), dict(_leaves(_canonical(plain(given))))
    return sorted(
        name for name in first.keys() | second.keys() if first.get(name, _ABSENT) != second.get(name, _ABSENT)
    )


def storable(value: Any) -> Any:
    """Returns the document for a JSON column: decimals become text, never a float."""
    if isinstance(value, dict):
        return {name: storable(member) for name, member in value.items()}
    if isinstance(value, list):
        return [storable(member) for member in value]
    return _number_text(value) if isinstance(value, Decimal) else value


def _read_wrapper(value: dict[str, Any]) -> Any:
    names = set(value)
    if names in ({"$binary"}, {"$binary", "$type"}, {"$uuid"}):
        return _uuid_text(value)
    if names == {"$undefined"}:
        return None
    if names == {"$symbol"} and isinstance(value["$symbol"], str):
        return value["$symbol"]
    if names == {"$timestamp"} and isinstance(value["$timestamp"], dict):
        seconds = readable(value["$timestamp"].get("t"))
        return moment_of(seconds * 1000) or _ABSENT if isinstance(seconds, int) else _ABSENT
    if names == {"$date"}:
        inner = readable(value["$date"])
        is_number = isinstance(inner, str) and re.fullmatch(r"-?[0-9]{11,13}", inner)
        return moment_of(int(inner) if is_number else inner) or _ABSENT
    unwrapped = plain(value)
    return _ABSENT if isinstance(unwrapped, dict) else _whole_or_exact(unwrapped)


def _whole_or_exact(value: Any) -> Any:
    is_whole = isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value()
    return int(value) if is_whole and abs(value) < _LARGEST_WHOLE else value


def _uuid_text(value: dict[str, Any]) -> Any:
    """A UUID in its usual form, from $uuid or from its sixteen bytes (BSON subtypes 4 and, of old drivers, 3)."""
    try:
        if "$uuid" in value:
            return str(uuid.UUID(value["$uuid"]))
        binary = value["$binary"]
        inside = binary if isinstance(binary, dict) else {"base64": binary, "subType": value.get("$type")}
        if int(str(inside["subType"]), 16) not in _UUID_SUBTYPES:
            return _ABSENT
        return str(uuid.UUID(bytes=base64.b64decode(inside["base64"], validate=True)))
    except (KeyError, TypeError, ValueError, AttributeError):
        return _ABSENT


def _unwrapped(name: str, inner: Any) -> Any:
    found: Any = None
    if name == "$oid":
        found = inner if isinstance(inner, str) and OBJECT_ID.fullmatch(inner) else None
    elif name == "$uuid":
        found = inner if isinstance(inner, str) else None
    elif name in ("$numberInt", "$numberLong"):
        found = int(inner) if _WHOLE.fullmatch(str(inner)) else None
    elif name in ("$numberDouble", "$numberDecimal"):
        found = Decimal(str(inner)) if _DECIMAL.fullmatch(str(inner)) else None
    elif name == "$date":
        found = moment_of(plain(inner))
    return _ABSENT if found is None else found


def _canonical(value: Any) -> Any:
    """Returns numbers and dates as text, so that 5, 5.0 and {"$numberInt": "5"} are equal."""
    if isinstance(value, dict):
        return {name: _canonical(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_canonical(member) for member in value]
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return _number_text(value)
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return value


def _number_text(value: int | Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for inner, member in value.items():
            yield from _leaves(member, f"{name}.{inner}" if name else inner)
    else:
        yield name, value
