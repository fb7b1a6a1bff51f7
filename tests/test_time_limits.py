"""A test whose time is over ends there, and is reported as that."""

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.time_limits import TimeIsUpError


def test_hypothesis_tries_no_further_example_when_the_time_is_up() -> None:
    tried: list[int] = []

    @given(st.integers())
    def test(number: int) -> None:
        tried.append(number)
        signal.raise_signal(signal.SIGALRM)

    with pytest.raises(TimeIsUpError, match="Timeout"):
        test()
    assert len(tried) == 1
