"""The quick look over a delivery never calls harmless what the reading token by token would cover."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecard.kit import masked_body
from onecard.kit.card_data_scan import holds_no_card_data
from tests.support import stripe_events

NUMBER = "4242424242424242"
NUMBERS = [NUMBER, "4242 4242 4242 4242", "4242", "42-42", "123", "0123456789", "%20", "\\u0034"]
CODES = ["CVV: 123", "security code 1234", "cvc", "cvv", "pin", "track_1", "value", "id", "_", "\u00e9"]
SIGNS = ['"', '": "', '":', '", "', "{", "}", "[", ",", " ", "\0"]
pieces = st.sampled_from([*NUMBERS, *CODES, *SIGNS])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([NUMBER, int(NUMBER), "cvv 123", "123", "a", "B1234"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["cvc", "pin", "track1", "number", "value", "id", "a"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(pieces, max_size=30))
def test_text_that_is_called_harmless_needs_no_cover(parts: list[str]) -> None:
    assert is_right_about("".join(parts).encode())


@given(values, st.sampled_from(["utf-8", "utf-16", "utf-32-le"]), st.sampled_from([None, 2]))
def test_json_that_is_called_harmless_needs_no_cover(value: Any, encoding: str, indent: int | None) -> None:
    assert is_right_about(json.dumps(value, indent=indent).encode(encoding))


@pytest.mark.parametrize("change", [{}, {"network_data": {"transaction_id": "123456789012345"}}])
def test_an_ordinary_request_is_harmless(change: dict[str, Any]) -> None:
    event = stripe_events.authorization_request(card="ic_1")
    event["data"]["object"] |= {"verification_data": {"cvc_check": "match", "postal_code": None}} | change

    assert holds_no_card_data(json.dumps(event, indent=2).encode())


@pytest.mark.parametrize("name", ["cvc", "card_verification_value", "encrypted_pan", "pin", "mag_stripe", "track_1"])
def test_the_name_of_a_code_is_not_harmless(name: str) -> None:
    assert not holds_no_card_data(json.dumps({"a": 1, name: {"value": "1234"}}).encode())


# Some of the lines come again in other bodies, where another line stands before or after them.
lines = st.sampled_from(
    [
        '"a": 1,', '"card": "4242424242",', '"424242",', "424242", '  "b": [4242424242', "],", '"memo": "cvv",',
        '"is 123",', '"cvc"', ': "123",', '"track1": {', '"value": "B123"', "}", '"note": "code', "4242424242424242",
        '"d4242424242424242"',
    ]
)  # fmt: skip


@given(st.lists(st.lists(lines, max_size=6), min_size=2, max_size=4))
def test_a_line_that_was_harmless_before_hides_nothing_later(bodies: list[list[str]]) -> None:
    assert all(is_right_about("\n".join(each).encode()) for each in bodies)


def test_a_number_over_two_lines_is_not_harmless() -> None:
    for last in ("4242", '"4242'):
        assert holds_no_card_data(b'"a": "x 424242424242",\n"b": 1')
        assert not holds_no_card_data(f'"a": "x 424242424242",\n{last}",\n"b": 1'.encode())


def test_a_name_whose_colon_is_on_the_next_line_is_not_harmless() -> None:
    assert holds_no_card_data(b'"a"\n: "abc"')
    assert not holds_no_card_data(b'{\n"track1"\n: "abc"}')


def is_right_about(body: bytes) -> bool:
    return not holds_no_card_data(body) or masked_body.covered(body) == body
