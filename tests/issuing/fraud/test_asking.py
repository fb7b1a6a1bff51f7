"""Hooks are waited for within the budget and within half of what is left, in the event loop and in a thread."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from issuing.fraud import asking, breaker, registry
from issuing.fraud.breaker import Breaker
from issuing.states import HookOutcome
from tests.issuing.fraud import hooks
from tests.issuing.fraud.test_shipped import asked


@pytest.fixture(autouse=True)
def _a_hook_that_hangs(settings: Any) -> Iterator[None]:
    settings.FRAUD_HOOKS = [f"{hooks.HERE}.hangs", f"{hooks.HERE}.flags"]
    settings.FRAUD_HOOK_BUDGET_MS = 30_000
    yield
    registry.forget()


def in_thread() -> asking.Answers:
    return asking.ask(asked(), remaining_ms=400)


def in_loop() -> asking.Answers:
    return asyncio.run(asking.ask_soon(asked(), remaining_ms=400))


@pytest.mark.parametrize("ask", [in_thread, in_loop])
def test_a_hook_gets_no_more_than_half_of_what_is_left(ask: Any) -> None:
    began = time.monotonic()

    found = ask()

    assert 0.2 <= time.monotonic() - began < 5
    assert {name: each.outcome for name, each in found.items()} == {"hangs": "late", "flags": "flag"}
    assert found["flags"].took_ms < found["hangs"].took_ms


def test_the_event_loop_goes_on_while_a_hook_hangs() -> None:
    async def both() -> int:
        turns = 0
        waits = asyncio.ensure_future(asking.ask_soon(asked(), remaining_ms=400))
        while not waits.done():
            turns += 1
            await asyncio.sleep(0.01)
        return turns

    assert asyncio.run(both()) >= 3


def test_a_hook_that_hangs_takes_no_threads_of_others() -> None:
    found = [asking.ask(asked(), remaining_ms=100) for _ in range(4)]

    assert [each["flags"].outcome for each in found] == [HookOutcome.FLAG] * 4
    assert [each["hangs"].outcome for each in found] == ["late", "late", "busy", "open"]


def test_without_time_no_hook_is_waited_for() -> None:
    found = asking.ask(asked(), remaining_ms=-5)

    assert found["hangs"].outcome == "late"


def test_a_breaker_lets_one_try_after_the_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Breaker()
    for _ in range(breaker.LATE_TO_OPEN):
        assert one.may_ask()
        one.count_answer(is_late=True)
    assert not one.may_ask()

    later = time.monotonic() + breaker.OPEN_S + 1
    monkeypatch.setattr(breaker.time, "monotonic", lambda: later)
    assert [one.may_ask() for _ in range(3)] == [True, False, False]
    one.count_answer(is_late=False)
    assert one.may_ask()
