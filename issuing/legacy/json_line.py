"""Reads one line as strict JSON with exact numbers. No error repeats the line's content beyond a field's name.

What MongoDB's shell prints, such as ObjectId("…") and NumberLong(7), is read as the extended JSON that it stands for.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from issuing.legacy.lines import LONGEST_LINE_BYTES, Line
from issuing.legacy.redaction import masked_text
from onecard.kit.errors import OneCardError

DEEPEST: Final = 20
LONGEST_NUMBER: Final = 60
# A text stays as it is; a call of the shell stands outside of texts.
_CALL: Final = re.compile(
    r'"(?:[^"\\]|\\.)*"|(?:\bnew\s{1,3})?\b(?P<name>[A-Z][A-Za-z]{2,13})\(\s*(?P<given>[^()\\]*)\)'
)
_SHELL: Final[Mapping[str, Callable[..., object]]] = {
    "ObjectId": lambda text: {"$oid": text},
    "ISODate": lambda text: {"$date": text},
    "Date": lambda text: {"$date": text},
    "UUID": lambda text: {"$uuid": text},
    "NumberInt": lambda number: {"$numberInt": str(number)},
    "NumberLong": lambda number: {"$numberLong": str(number)},
    "Long": lambda number: {"$numberLong": str(number)},
    "NumberDecimal": lambda number: {"$numberDecimal": str(number)},
    "Decimal128": lambda number: {"$numberDecimal": str(number)},
    "BinData": lambda kind, text: {"$binary": {"base64": text, "subType": f"{kind:02x}"}},
    "Timestamp": lambda seconds, number: {"$timestamp": {"t": seconds, "i": number}},
}


class LineError(OneCardError):
    """A line that cannot be read as a document at all."""

    code = "legacy_line"


def read_object(line: Line) -> dict[str, Any]:
    """Returns the line's JSON object; raises LineError with the reason when there is none."""
    if line.is_too_long:
        raise LineError(f"the line has {line.size} bytes; at most {LONGEST_LINE_BYTES} are read")
    value = _parsed(_decoded(line.body))
    if not isinstance(value, dict):
        raise LineError("the line is JSON, but not an object; each line must hold one document in { }")
    _check_depth(value)
    return value


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise LineError(f"the line is not UTF-8 text: byte {error.start + 1} does not belong there") from None


def _parsed(text: str) -> Any:
    try:
        return json.loads(
            text, object_pairs_hook=_object, parse_int=_whole, parse_float=_exact, parse_constant=_refused
        )
    except json.JSONDecodeError as error:
        as_json = _CALL.sub(_extended, text)
        if as_json != text:
            return _parsed(as_json)
        raise LineError(f"the line is not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise LineError(f"the document is nested too deeply; at most {DEEPEST} levels are read") from None


def _extended(call: re.Match[str]) -> str:
    """Returns the extended JSON of a call of MongoDB's shell; any other text is returned unchanged."""
    if call["name"] not in _SHELL:
        return call[0]
    try:
        given = json.loads(f"[{call['given'].replace(chr(39), chr(34))}]")
        return json.dumps(_SHELL[call["name"]](*given))
    except (ValueError, TypeError):
        return call[0]


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise LineError(f"the field {masked_text(twice)[:60]!r} stands twice in one object; write each once")
    return found


def _whole(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise LineError(f"a number has {len(text)} digits; at most {LONGEST_NUMBER} are read")
    return int(text)


def _exact(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise LineError("a number is beyond any amount") from None
    if len(text) > LONGEST_NUMBER or abs(number.adjusted()) > LONGEST_NUMBER:
        raise LineError(f"a number is too long or too large; at most {LONGEST_NUMBER} digits are read")
    return number


def _refused(constant: str) -> Any:
    raise LineError(f"{constant} is no JSON; write a number")


def _check_depth(value: dict[str, Any]) -> None:
    """Checks the nesting level by level, so that no nesting can exhaust the stack."""
    level: list[Any] = [value]
    for _depth in range(DEEPEST):
        level = [
            member
            for item in level
            for member in (item.values() if isinstance(item, dict) else item)
            if isinstance(member, dict | list)
        ]
        if not level:
            return
    raise LineError(f"the document is nested too deeply; at most {DEEPEST} levels are read")
