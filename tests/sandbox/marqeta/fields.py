"""What a JSON body may hold: each reader checks one value, or refuses it in a sentence that names it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from tests.sandbox.marqeta.errors import ApiError
from tests.sandbox.wire import Json

Reader = Callable[[str, Any], Any]

_CENT = Decimal("0.01")
_CEILING = Decimal(1_000_000_000)
_LONGEST_TOKEN = 36


@dataclass(frozen=True, slots=True)
class Field:
    """One field: how it is read, and whether the body must have it."""

    read: Reader
    needed: bool = False


Spec = Mapping[str, Field]


def required(field: Field) -> Field:
    """Mark a field that every body must have."""
    return replace(field, needed=True)


def clean(spec: Spec, given: Json, *, inside: str = "") -> Json:
    """Read every field, a null as if absent; raises ApiError for one that is unknown, missing or of the wrong kind."""
    for name in given:
        if name not in spec:
            raise ApiError(f"Unrecognized field {inside}{name}.", detail=2)
    present = {name: value for name, value in given.items() if value is not None}
    for name, field in spec.items():
        if field.needed and name not in present:
            raise ApiError(f"{inside}{name} is required.", detail=3)
    return {name: spec[name].read(f"{inside}{name}", value) for name, value in present.items()}


def text(*, least: int = 0, most: int = 255) -> Field:
    """A text within a length."""

    def read(path: str, value: Any) -> str:
        if not isinstance(value, str) or not least <= len(value) <= most:
            raise ApiError(f"{path} must be a text of {least} to {most} letters.", detail=4)
        return value

    return Field(read)


def token() -> Field:
    """A token, as the client or the program chose it."""
    return text(least=1, most=_LONGEST_TOKEN)


def words(*allowed: str) -> Field:
    """One of a few words."""

    def read(path: str, value: Any) -> str:
        if value not in allowed:
            raise ApiError(f"{path} must be one of {', '.join(allowed)}.", detail=5)
        return str(value)

    return Field(read)


def flag() -> Field:
    """True or false."""

    def read(path: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ApiError(f"{path} must be true or false.", detail=6)
        return value

    return Field(read)


def whole(*, least: int, most: int = 1_000_000_000) -> Field:
    """A whole number within bounds."""

    def read(path: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ApiError(f"{path} must be a whole number from {least} to {most}.", detail=7)
        return value

    return Field(read)


def amount() -> Field:
    """Money in decimal major units, as a JSON number with at most two decimals."""
    return Field(read_amount)


def read_amount(path: str, value: Any) -> Decimal:
    """Turn a JSON number into exact money; raises ApiError."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ApiError(f"{path} must be a number.", detail=8)
    money = Decimal(value)
    if not money.is_finite() or not 0 <= money < _CEILING or money != money.quantize(_CENT):
        raise ApiError(f"{path} must be from 0 to {_CEILING} with at most two decimals.", detail=8)
    return money.quantize(_CENT)


def group(**spec: Field) -> Field:
    """An object with known fields."""

    def read(path: str, value: Any) -> Json:
        return clean(spec, _object(path, value), inside=f"{path}.")

    return Field(read)


def texts_by_name(*, most: int) -> Field:
    """An object of texts, such as metadata or custom headers."""

    def read(path: str, value: Any) -> Json:
        pairs = _object(path, value)
        if len(pairs) > most or not all(isinstance(entry, str) and len(entry) <= 255 for entry in pairs.values()):
            raise ApiError(f"{path} must hold at most {most} texts of up to 255 letters.", detail=9)
        return pairs

    return Field(read)


def rows(field: Field) -> Field:
    """A list whose entries are all alike."""

    def read(path: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ApiError(f"{path} must be a list.", detail=10)
        return [field.read(f"{path}[{place}]", entry) for place, entry in enumerate(value)]

    return Field(read)


def anything() -> Field:
    """A field that Marqeta knows and this sandbox only takes note of."""
    return Field(lambda _path, value: value)


def _object(path: str, value: Any) -> Json:
    if not isinstance(value, dict):
        raise ApiError(f"{path} must be an object.", detail=11)
    return value
