"""What a parameter may be: each reader turns the text of a form into a value, or refuses it as Stripe does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.sandbox.stripe.errors import RefusedError
from tests.sandbox.wire import Json

Reader = Callable[[str, Any], Any]

# What a caller sends to empty a list, an object or a text.
CLEARED = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter: how it is read, and whether the call must bring it."""

    read: Reader
    needed: bool = False


Spec = Mapping[str, Field]


def required(field: Field) -> Field:
    """Mark a parameter that every call must bring."""
    return replace(field, needed=True)


def clean(spec: Spec, given: Json, *, inside: str = "") -> Json:
    """Read every given parameter; raises RefusedError for one that is unknown, missing or of the wrong kind."""
    for name in given:
        if name not in spec:
            path = _path(inside, name)
            raise RefusedError(f"Received unknown parameter: {path}", code="parameter_unknown", param=path)
    for name, field in spec.items():
        if field.needed and name not in given:
            path = _path(inside, name)
            raise RefusedError(f"Missing required param: {path}.", code="parameter_missing", param=path)
        if field.needed and given[name] == CLEARED:
            raise _empty(_path(inside, name))
    return {name: spec[name].read(_path(inside, name), value) for name, value in given.items()}


def _empty(path: str) -> RefusedError:
    message = (
        f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a parameter; however "
        f"'{path}' cannot be unset. You should remove '{path}' from your request or supply a non-empty value."
    )
    return RefusedError(message, code="parameter_invalid_empty", param=path)


def text() -> Field:
    """Any text."""
    return Field(_read_text)


def words(*allowed: str) -> Field:
    """One of a few words."""

    def read(path: str, value: Any) -> str:
        if value not in allowed:
            raise RefusedError(f"Invalid {path}: must be one of {', '.join(allowed)}", param=path)
        return str(value)

    return Field(read)


def whole(*, least: int | None = None, most: int | None = None) -> Field:
    """A whole number within bounds."""

    def read(path: str, value: Any) -> int:
        number = _read_whole(path, value)
        if least is not None and number < least:
            message = f"This value must be greater than or equal to {least}."
            raise RefusedError(message, code="parameter_invalid_integer", param=path)
        if most is not None and number > most:
            message = f"This value must be less than or equal to {most}."
            raise RefusedError(message, code="parameter_invalid_integer", param=path)
        return number

    return Field(read)


def yes_or_no() -> Field:
    """The words `true` or `false`."""

    def read(path: str, value: Any) -> bool:
        if value not in ("true", "false"):
            raise RefusedError(f"Invalid boolean: {value}", param=path)
        return bool(value == "true")

    return Field(read)


def group(**spec: Field) -> Field:
    """An object with known parameters, or nothing to clear it."""

    def read(path: str, value: Any) -> Any:
        if value == CLEARED:
            return CLEARED
        if not isinstance(value, dict):
            raise RefusedError(f"Invalid object: {path}", param=path)
        return clean(spec, value, inside=path)

    return Field(read)


def rows(field: Field) -> Field:
    """A list whose entries are all alike, or nothing to clear it."""

    def read(path: str, value: Any) -> Any:
        if value == CLEARED:
            return CLEARED
        if not isinstance(value, dict) or not all(place.isdecimal() for place in value):
            raise RefusedError(f"Invalid array: {path}", param=path)
        return [field.read(f"{path}[{place}]", value[place]) for place in sorted(value, key=int)]

    return Field(read)


def anything() -> Field:
    """A parameter that Stripe knows and this sandbox only takes note of."""
    return Field(lambda _path, value: value)


def metadata() -> Field:
    """At most 50 pairs of text, keys up to 40 letters and values up to 500; an empty value removes a key."""
    return Field(_read_metadata)


def moment() -> Field:
    """A time, or a range of times under gt, gte, lt and lte; Unix seconds."""

    def read(path: str, value: Any) -> Any:
        if not isinstance(value, dict):
            return _read_whole(path, value)
        bounds: Spec = {name: whole() for name in ("gt", "gte", "lt", "lte")}
        return clean(bounds, value, inside=path)

    return Field(read)


def merge_metadata(current: Mapping[str, str], given: Any) -> dict[str, str]:
    """Apply an update of metadata the way Stripe does: pairs are added, emptied ones vanish, nothing clears all."""
    if given is None:
        return dict(current)
    if given == CLEARED:
        return {}
    return {key: value for key, value in {**current, **given}.items() if value != CLEARED}


def _read_text(path: str, value: Any) -> str:
    if not isinstance(value, str):
        raise RefusedError(f"Invalid string: {path}", param=path)
    return value


def _read_whole(path: str, value: Any) -> int:
    digits = value.removeprefix("-") if isinstance(value, str) else ""
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise RefusedError(f"Invalid integer: {value}", code="parameter_invalid_integer", param=path)
    return int(value)


def _read_metadata(path: str, value: Any) -> Any:
    if value == CLEARED:
        return CLEARED
    if not isinstance(value, dict) or len(value) > 50:
        raise RefusedError("Metadata must be an object of at most 50 keys.", param=path)
    for key, entry in value.items():
        if len(key) > 40 or not isinstance(entry, str) or len(entry) > 500:
            message = f"The metadata key {key!r} must have up to 40 letters and a text of up to 500."
            raise RefusedError(message, param=f"{path}[{key}]")
    return value


def _path(inside: str, name: str) -> str:
    return f"{inside}[{name}]" if inside else name
