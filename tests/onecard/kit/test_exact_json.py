"""JSON that is read and written again is the same, digit by digit, with and without decimals."""

import json
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecard.kit import exact_json

PLAIN = st.none() | st.booleans() | st.integers() | st.text()
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=2)


def trees(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(trees(PLAIN | DECIMALS))
def test_what_is_written_is_read_back(value: Any) -> None:
    assert exact_json.loads(exact_json.dumps(value).encode()) == value


@given(trees(PLAIN))
def test_a_decimal_anywhere_changes_nothing_about_the_rest(value: Any) -> None:
    assert exact_json.dumps([value, Decimal("1.50")]) == f"[{exact_json.dumps(value)}, 1.50]"


@given(trees(PLAIN))
def test_without_decimals_it_is_the_json_that_the_package_writes(value: Any) -> None:
    assert exact_json.dumps(value) == json.dumps(value)


@pytest.mark.parametrize(
    "written", ["45.00", "0.1", "-3.10", "100000000000000000000.01", "[1, 2.50, {}]", '{"a": 1.0}']
)
def test_digits_stay_as_they_were(written: str) -> None:
    assert exact_json.dumps(exact_json.loads(written.encode())) == written


@given(trees(PLAIN | st.floats(allow_nan=False, allow_infinity=False)), st.booleans(), st.integers(0, 6))
def test_it_is_read_as_pythons_own_package_reads_it(value: Any, in_ascii: bool, indent: int) -> None:
    written = json.dumps(value, ensure_ascii=in_ascii, indent=indent or None).encode("utf-8", "surrogatepass")
    assert exact_json.loads(written) == json.loads(written, parse_float=Decimal)


@given(st.text(alphabet='{}[]":,0123456789.eE+-\\u d8tnrafls\n\x00é', max_size=30).map(str.encode) | st.binary())
def test_what_one_package_refuses_the_other_refuses(body: bytes) -> None:
    assert _or_nothing(exact_json.loads, body) == _or_nothing(_by_python, body)


@pytest.mark.parametrize(
    "body",
    ['{"a": 1, "a": 2.0}'.encode(coding) for coding in ("utf-8-sig", "utf-16", "utf-32-be")]
    + [b'"\\ud800"', b'"\xed\xa0\x80"', b"-0", b"-0.0", b"1E+3", b"9" * 5000, b'["\\u0000", "\\ud83d\\ude00"]'],
)
def test_odd_forms_are_read_as_pythons_own_package_reads_them(body: bytes) -> None:
    assert _or_nothing(exact_json.loads, body) == _or_nothing(_by_python, body)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"NaN", "NaN is no JSON"),
        (b"-Infinity", "Infinity is no JSON"),
        (b"1e99999999999999999999", "beyond any number"),
        (b"[" * 100_000, "nested too deeply"),
        (b"{", "property name"),
        (b"\xff", "codec can't decode"),
    ],
)
def test_what_is_not_strictly_json_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        exact_json.loads(body)


def test_nobody_writes_what_is_no_json() -> None:
    with pytest.raises(TypeError):
        exact_json.dumps({"when": object()})


def _by_python(body: bytes) -> Any:
    def refuse(constant: str) -> Any:
        raise ValueError(constant)

    return json.loads(body, parse_float=Decimal, parse_constant=refuse)


def _or_nothing(read: Callable[[bytes], Any], body: bytes) -> Any:
    """What is read, written out so that 1 is not True; None for what is refused."""
    with suppress(ValueError):
        return repr(read(body))
    return None
