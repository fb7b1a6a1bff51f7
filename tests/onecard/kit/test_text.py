"""Foreign text is made fit to store, whatever it is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecard.kit.text import clean_text


@given(st.text(alphabet=st.characters(), max_size=50) | st.text(alphabet="\x00\ud800a", max_size=20))
def test_any_text_becomes_storable_and_short_enough(text: str) -> None:
    cleaned = clean_text(text, limit=10)
    assert len(cleaned) <= 10
    assert "\x00" not in cleaned
    cleaned.encode("utf-8")


@pytest.mark.parametrize("value", [None, 5, True, [], {}, b"bytes", 1.5])
def test_what_is_no_text_is_empty(value: Any) -> None:
    assert clean_text(value, limit=10) == ""
