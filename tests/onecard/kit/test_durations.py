"""Durations of calls are counted in Redis by all processes, and no call fails by it."""

from collections.abc import Iterator

import pytest
from django.test import override_settings

from onecard.kit import durations


@pytest.fixture(autouse=True)
def _nothing_counted() -> Iterator[None]:
    durations.link().clear()
    yield
    durations.link().clear()
    durations.link.cache_clear()


def test_a_call_is_in_its_bucket_with_its_code() -> None:
    durations.note("x", ("stripe", "2xx"), 0.3)
    durations.note("x", ("stripe", "2xx"), 0.5)
    durations.note("x", ("stripe", "5xx"), 5_000)

    assert durations.read("x") == {
        "stripe|2xx|0.5": 2,
        "stripe|2xx|sum_us": 800_000,
        "stripe|5xx|+Inf": 1,
        "stripe|5xx|sum_us": 5_000_000_000,
    }
    assert durations.read("y") == {}


@pytest.mark.parametrize(("status", "code"), [(200, "2xx"), (404, "4xx"), (0, "none")])
def test_a_timed_call_counts_by_the_class_of_its_status(status: int, code: str) -> None:
    with durations.timed("x", "GET") as call:
        call.status = status

    assert sum(count for name, count in durations.read("x").items() if name.startswith(f"GET|{code}|0.")) == 1


def test_a_call_that_raises_counts_too() -> None:
    with pytest.raises(ValueError, match="no"), durations.timed("x"):
        raise ValueError("no")

    assert "none|sum_us" in durations.read("x")


def test_without_redis_calls_go_on_and_nothing_is_counted() -> None:
    with override_settings(REDIS_URL="redis://127.0.0.1:9/0"):
        durations.link.cache_clear()
        with durations.timed("x") as call:
            call.status = 200
        assert durations.read("x") == {}
    durations.link.cache_clear()
    assert durations.read("x") == {}
