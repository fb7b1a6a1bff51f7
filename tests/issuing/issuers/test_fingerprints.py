"""The hash of an event's content stays the same for as long as rows with it are kept, however it is written."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuing.issuers import fingerprints

# What is written in different ways, and what is not; without digits nothing is covered.
TEXTS = st.text('ab"\\/<\n\x00\x1f\x7fé\U0001f4b3', max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**11), 10**11) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def by_the_standard_library(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@given(VALUES)
def test_it_is_that_of_the_standard_librarys_json(value: Any) -> None:
    assert fingerprints.of(value) == by_the_standard_library(value)


@pytest.mark.parametrize("text", ["\x7f", "\x00", "\x1f", '"\\/', "\n\t\r\b\f", "é", "\U0001f4b3", "\ud800", "<&>'"])
def test_signs_are_escaped_as_ever(text: str) -> None:
    assert fingerprints.of([text, {text: text}]) == by_the_standard_library([text, {text: text}])


def test_numbers_beyond_64_bits_are_written() -> None:
    assert fingerprints.of([3 * 10**40]) == by_the_standard_library([3 * 10**40])
