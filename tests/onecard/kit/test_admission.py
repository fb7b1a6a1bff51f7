"""As many are let in as are done soon, a burst is worked off, and beyond what can be done others are turned away."""

import asyncio
import statistics
from collections import deque
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from onecard.kit import admission
from onecard.kit.admission import Admission

LIMIT_S = 1.0


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(admission, "time", clock)
    return clock


def comes(door: Admission, *, left_s: float = LIMIT_S) -> "asyncio.Task[float]":
    return asyncio.get_running_loop().create_task(door.enter(left_s=left_s, limit_s=LIMIT_S))


async def turn() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def run(steps: Coroutine[Any, Any, None]) -> None:
    asyncio.run(steps)


def test_who_finds_no_place_waits_and_is_let_in_by_order(clock: Clock) -> None:
    async def steps() -> None:
        door = Admission(least=2, most=2, most_waiting=9)
        first, second, third, fourth = (comes(door) for _ in range(4))
        await turn()
        assert [each.done() for each in (first, second, third, fourth)] == [True, True, False, False]
        clock.now += 0.01
        door.leave(first.result())
        await turn()
        assert (third.done(), fourth.done()) == (True, False)
        door.leave(second.result())
        assert await fourth == clock.now

    run(steps())


def test_once_somebody_waited_long_only_who_is_soon_let_in_may_wait(clock: Clock) -> None:
    async def steps() -> None:
        door = Admission(least=1, most=1, most_waiting=9)
        inside, waits = comes(door), comes(door)
        await turn()
        clock.now += admission.BURST_SHARE * LIMIT_S
        more = comes(door)
        await turn()
        assert await waits == 0.0, "it has waited as long as a burst may"
        assert not door.is_swamped, "one may always wait, so that no place is empty"
        late = comes(door)
        await turn()
        door.leave(inside.result())
        assert await more
        clock.now += 0.01
        assert await comes(door) == 0.0, "as slow as it was, it would wait more than a moment"
        clock.now += admission.CALM_S
        assert not door.is_swamped, "it is calm again, and a burst may wait"
        door.leave(more.result())
        assert await late == 0.0

    run(steps())


def test_who_would_not_be_done_in_time_is_turned_away_and_others_find_out(clock: Clock) -> None:
    async def steps() -> None:
        door = Admission(least=1, most=1, most_waiting=9)
        for _ in range(100):
            entered = await comes(door)
            clock.now += 0.8
            door.leave(entered)
        assert await comes(door, left_s=0.3) == 0.0
        # Slow as it was, somebody who has just come is let in: else nobody would find out that it is fast again.
        assert await comes(door, left_s=0.95)

    run(steps())


def test_no_more_wait_than_fit_in_memory(clock: Clock) -> None:
    async def steps() -> None:
        door = Admission(least=0, most=0, most_waiting=2)
        waiting = [comes(door) for _ in range(2)]
        await turn()
        assert door.is_swamped
        assert await comes(door) == 0.0
        for each in waiting:
            each.cancel()
        await turn()
        assert not door.is_swamped

    run(steps())


def test_who_goes_away_leaves_its_place_to_the_next(clock: Clock) -> None:
    async def steps() -> None:
        door = Admission(least=1, most=1, most_waiting=9)
        inside, gone, last = comes(door), comes(door), comes(door)
        await turn()
        door.leave(inside.result())
        # It was let in, and did not hear of it.
        gone.cancel()
        assert await last

    run(steps())


def test_who_waits_is_turned_away_though_nobody_comes_or_leaves() -> None:
    async def steps() -> None:
        door = Admission(least=0, most=0, most_waiting=9)
        async with asyncio.timeout(5):
            assert await door.enter(left_s=0.05, limit_s=0.1) == 0.0

    run(steps())


class Flood:
    """Two connections each do 32 in 20 ms, and so many times that comes; each has a second."""

    STEP_S = 0.01
    TOGETHER = 32

    def __init__(self, clock: Clock, times: float) -> None:
        self.clock, self.times = clock, times
        self.door = Admission(least=64, most=192, most_waiting=2000)
        self.inside: deque[asyncio.Future[None]] = deque()
        self.took: list[float] = []
        self.turned_away: list[float] = []
        self.tasks: set[asyncio.Task[None]] = set()

    async def one(self) -> None:
        came = self.clock.now
        entered = await self.door.enter(left_s=LIMIT_S, limit_s=LIMIT_S)
        if not entered:
            self.turned_away.append(self.clock.now - came)
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.inside.append(done)
        await done
        self.door.leave(entered)
        self.took.append(self.clock.now - came)

    async def pour(self, seconds: float) -> None:
        for _ in range(round(seconds / self.STEP_S)):
            self.tasks |= {asyncio.create_task(self.one()) for _ in range(round(self.TOGETHER * self.times))}
            await turn()
            self.clock.now += self.STEP_S
            for _ in range(min(self.TOGETHER, len(self.inside))):
                self.inside.popleft().set_result(None)
            await turn()


@pytest.mark.parametrize("times", [1.5, 2, 4])
def test_beyond_what_can_be_done_as_much_is_done_and_nobody_is_late(clock: Clock, times: float) -> None:
    flood = Flood(clock, times)

    async def steps() -> None:
        await flood.pour(2)
        flood.took.clear()
        flood.turned_away.clear()
        await flood.pour(4)

    run(steps())
    assert len(flood.took) > 0.95 * 4 * flood.TOGETHER / flood.STEP_S
    assert max(flood.took) < 0.5 * LIMIT_S
    assert statistics.median(flood.turned_away) < 0.02


def test_a_burst_is_worked_off(clock: Clock) -> None:
    flood = Flood(clock, 30)

    async def steps() -> None:
        await flood.pour(flood.STEP_S)
        flood.times = 0
        await flood.pour(1)

    run(steps())
    assert (len(flood.took), len(flood.turned_away)) == (30 * flood.TOGETHER, 0)
