"""Walking a JSON text finds what the standard library finds, and knows the lines."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecard.kit.json_cursor import JsonCursor, Pairs

scalars = st.none() | st.booleans() | st.integers(-999, 999) | st.text(max_size=5)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


def plain(value: Any) -> Any:
    """Pairs as a dict again."""
    if isinstance(value, Pairs):
        return {name: plain(inner) for name, inner in value}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


@given(st.dictionaries(st.text(max_size=3), st.lists(values, max_size=3), max_size=3), st.sampled_from([None, 0, 2]))
def test_it_reads_what_was_written(document: dict[str, list[Any]], indent: int | None) -> None:
    cursor = JsonCursor(json.dumps(document, indent=indent))
    read: dict[str, list[Any]] = {}
    for _ in cursor.members("{", "}"):
        members = read.setdefault(cursor.name(), [])
        for _ in cursor.members("[", "]"):
            members.append(plain(cursor.value()))
    cursor.end()
    assert read == document


def test_it_knows_the_line_of_each_piece() -> None:
    cursor = JsonCursor('[\n  1,\n\n  {"a":\n 2},\r\n 3]')
    lines = []
    for _ in cursor.members("[", "]"):
        cursor.peek()
        lines.append(cursor.line)
        cursor.value()
    assert lines == [2, 4, 6]


@pytest.mark.parametrize("text", ["[1,]", "[1 2]", "[,1]", "[1", "[", "[1]]", "[01]", "[1] x", "['a']"])
def test_it_refuses_what_the_standard_library_refuses(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)
    with pytest.raises(json.JSONDecodeError):
        walk(JsonCursor(text))


def walk(cursor: JsonCursor) -> None:
    for _ in cursor.members("[", "]"):
        cursor.value()
    cursor.end()
