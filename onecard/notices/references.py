"""What a notice is about, under the id by which the API knows it. An app above registers how its ids are called."""

from collections.abc import Callable

_names: dict[str, Callable[[str], str]] = {}


def register(kind: str, name: Callable[[str], str]) -> None:
    """Registers how a reference of this kind is called outside; `name` turns the key into such as purchase:<id>."""
    _names[kind] = name


def public(reference: str) -> str:
    """Returns the reference as the API names it, the same one where nothing is registered, and "" for no such row."""
    kind, _, key = reference.partition(":")
    return _names[kind](key) if kind in _names else reference
