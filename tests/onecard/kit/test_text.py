"""Foreign text is made fit to store, whatever it is; two names that look alike are one."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecard.kit.text import clean_message, clean_text, free_text, normalized, normalized_lines

any_text = st.text(alphabet=st.characters(), max_size=50) | st.text(alphabet="\x00\ud800a", max_size=20)


@given(any_text)
def test_any_text_becomes_storable_and_short_enough(text: str) -> None:
    for cleaned in (clean_text(text, limit=10), free_text(text, limit=10), clean_message(text, limit=10)):
        assert len(cleaned) <= 10
        assert "\x00" not in cleaned
        cleaned.encode("utf-8")


@pytest.mark.parametrize("value", [None, 5, True, [], {}, b"bytes", 1.5])
def test_what_is_no_text_is_empty(value: Any) -> None:
    assert clean_text(value, limit=10) == free_text(value, limit=10) == ""


@pytest.mark.parametrize(
    "written",
    [
        "Caf\u00e9 Noir", "Cafe\u0301 Noir", "Caf\u00e9\u200b Noir", "Caf\u00e9\u00a0Noir", " Caf\u00e9 \t\n Noir ",
        "\u202eCaf\u00e9\u202c Noir", "\ufeffCaf\u00e9 Noir\x00", "Caf\u00e9\u3000Noir", "Caf\u00e9 No\u00adir",
        "\uff23\uff41\uff46\u00e9 Noir", "Caf\u00e9 Noir\ufe0f", "Caf\u00e9\u2028Noir", "Cafe\u200b\u0301 Noir",
        "Caf\u00e9 \u2066Noir\u2069", "Caf\u00e9 Noir\U000e0041",
    ],
)  # fmt: skip
def test_names_that_look_alike_are_one(written: str) -> None:
    assert normalized(written) == free_text(written, limit=50) == "Caf\u00e9 Noir"


@given(any_text)
def test_a_name_is_normalized_once_for_all_and_hides_nothing(text: str) -> None:
    once = normalized(text)

    assert normalized(once) == once
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in once)
    assert "  " not in once


def test_a_text_of_lines_keeps_its_lines() -> None:
    assert normalized_lines(" a \u200b b\r\n\r\nc\u00a0d\n") == "a b\n\nc d"


def test_a_number_is_covered_before_the_text_is_cut() -> None:
    assert free_text("Shop 4242 4242 4242 4242", limit=15) == "Shop **** **** "[:15].rstrip()


def test_an_id_keeps_every_character_that_can_be_stored() -> None:
    assert clean_text("58\uff11\u200b2  x", limit=20) == "58\uff11\u200b2  x"
