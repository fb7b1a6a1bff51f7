"""A document's fields under all their spellings: camelCase or snake_case (docs/decisions/0008)."""

import functools
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from issuing.legacy.redaction import masked_text, spelling

T = TypeVar("T")

# Objects whose members are read as fields of the document: merchantInfo.name is "merchant.name".
_CONTAINERS: Final = {
    "merchantinfo": "merchant",
    "merchant": "merchant",
    "spendinglimits": "limit",
    "limits": "limit",
}
# Beside them `id` may be another field.
_OWN_IDS: Final = ("_id", "$id")
LONGEST_SHOWN: Final = 40


class Lookup:
    """Finds the fields of one document by name, and collects what is wrong with them."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.faults: list[str] = []
        self._found: dict[str, list[tuple[str, Any]]] = {}
        for name, value in document.items():
            self._add(name, value)

    def take(self, *names: str, required: bool = False) -> tuple[str, Any]:
        """Returns the value under the first of these names, with the document's own spelling of the name.

        None if absent.
        """
        keys = dict.fromkeys(_key(name) for name in names)
        found = [pair for key in keys for pair in self._found.get(key, ())]
        if not found:
            if required:
                self.fault(names[0], "is missing; it is required", None)
            return names[0], None
        label, value = found[0]
        for other, another in found[1:]:
            if not _same(value, another):
                self.fault(label, f"differs from {other[:60]}; give one of them", None)
        return label, value

    def wrong(self, label: str, value: Any, allowed: str, instead: T) -> T:
        """Notes that a value is not allowed, and returns `instead`."""
        return self.fault(label, f"{_shown(value)} is not allowed; it {allowed}", instead)

    def fault(self, label: str, sentence: str, instead: T) -> T:
        """Notes what is wrong with a field, and returns `instead`."""
        self.faults.append(f"{label[:60]}: {sentence}")
        return instead

    def _add(self, name: str, value: Any) -> None:
        container = _CONTAINERS.get(spelling(name))
        if container and isinstance(value, dict):
            for inner, member in value.items():
                self._put(f"{container}.{spelling(inner)}", f"{name}.{inner}", member)
        elif container == "merchant" and isinstance(value, str):
            self._put("merchant.name", name, value)
        elif container and value is not None:
            self.wrong(name, value, "must be an object", None)
        else:
            self._put(_key(name), name, value)

    def _put(self, key: str, label: str, value: Any) -> None:
        if value is not None and value != "":
            self._found.setdefault(key, []).append((masked_text(label), value))


@functools.lru_cache(maxsize=2048)
def _key(name: str) -> str:
    if name in _OWN_IDS:
        return name
    container, dot, inner = name.rpartition(".")
    return f"{container}.{spelling(inner)}" if dot and container in _CONTAINERS.values() else spelling(name)


def _same(value: Any, another: Any) -> bool:
    """Returns whether two values agree. A reference and its whole object agree, since nothing here can compare them."""
    return isinstance(value, dict) or isinstance(another, dict) or value == another or str(value) == str(another)


def _shown(value: Any) -> str:
    """Quotes a value for a message, short and without card data."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    text = masked_text(str(value))
    cut = text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"
    return repr(cut) if isinstance(value, str) else cut
