"""Form bodies with bracket keys, such as `card[number]=4242&expand[0]=customer`, read into nested values."""

import re
from urllib.parse import parse_qsl

from tests.sandbox.wire import Json

_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_DEEPEST = 12


class FormError(ValueError):
    """The body cannot be read as a form with bracket keys."""


def parse_form(text: str) -> Json:
    """Read a form into nested dicts of text; raises FormError when keys contradict each other.

    A list stays a dict from place to entry: only the reader of a parameter knows whether `metadata[0]` is one.
    """
    root: Json = {}
    for key, value in parse_qsl(text, keep_blank_values=True, encoding="utf-8"):
        _put(root, _path_of(key), value)
    return root


def _path_of(key: str) -> list[str]:
    match = _KEY.match(key)
    if match is None:
        raise FormError(f"The parameter name {key!r} has unbalanced brackets.")
    path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
    if len(path) > _DEEPEST:
        raise FormError(f"The parameter {match[1]!r} is nested too deeply.")
    return path


def _put(node: Json, path: list[str], value: str) -> None:
    for step in path[:-1]:
        node = node.setdefault(step or str(len(node)), {})
        if not isinstance(node, dict):
            raise FormError(f"The parameter {path[0]!r} is both a value and an object.")
    last = path[-1] or str(len(node))
    if last in node:
        raise FormError(f"The parameter {path[0]!r} is given twice.")
    node[last] = value
