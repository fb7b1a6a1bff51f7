"""One statement for all who wait for it at the same time: each then pays a part of the round trip and the commit."""

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from onecard.kit.patient_timer import give_up_after
from onecard.kit.postgresql.loop_connection import SILENCE_MS, LoopConnection

# While PostgreSQL writes one half of what 32 connections ask, the process reads and chooses the other half.
MOST_TOGETHER: Final = 16
T = TypeVar("T")
R = TypeVar("R")
# Takes a connection, the items and the milliseconds that are left, and returns a result for each.
Statement = Callable[[LoopConnection, Sequence[T], float], Awaitable[Sequence[R]]]


class NotTakenError(Exception):
    """The time of an item was over before there was a connection for it, so nothing was done for it."""


@dataclass(slots=True)
class _Waiting(Generic[T, R]):
    item: T
    until: float
    result: "asyncio.Future[R]"
    is_taken: bool = False


class SharedStatement(Generic[T, R]):
    """Runs a statement for the items that wait, on connections of its own; used from one event loop at a time.

    An item that comes while a connection is free is run at once, so that nobody waits for company. While all are busy,
    items gather, and the next free connection takes them together.
    """

    def __init__(self, run: Statement[T, R], *, at_once: int, most: int) -> None:
        self._run, self._at_once, self._most = run, at_once, most
        self._free: list[LoopConnection] = [LoopConnection() for _ in range(at_once)]
        self._waiting: deque[_Waiting[T, R]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._answered_at = 0.0

    @property
    def waiting(self) -> int:
        """How many items no connection has taken yet."""
        return len(self._waiting)

    @property
    def silent_s(self) -> float:
        """For how long no statement has come back while one is under way."""
        return time.monotonic() - self._answered_at if self._running else 0.0

    async def __call__(self, item: T, *, within_s: float) -> R:
        """Returns the result of one item; raises what its statement raised, TimeoutError or NotTakenError."""
        loop = asyncio.get_running_loop()
        entry = _Waiting(item, time.monotonic() + within_s, loop.create_future())
        self._waiting.append(entry)
        # Whoever is read in this turn of the loop comes along.
        loop.call_soon(self._take, loop)
        timer = give_up_after(within_s, entry.result, TimeoutError())
        try:
            result: R = await entry.result
        except TimeoutError:
            if not entry.is_taken:
                raise NotTakenError from None
            raise
        finally:
            timer.cancel()
        return result

    def _take(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting and self._free:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most))]
            batch = [entry for entry in batch if not entry.result.done()]
            if batch:
                # It works for many, so its log lines must not carry the ids of the one who happened to begin it.
                self._answered_at = self._answered_at if self._running else time.monotonic()
                work = self._work(loop, self._free.pop(), batch)
                task = loop.create_task(work, context=contextvars.Context())
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    async def _work(
        self, loop: asyncio.AbstractEventLoop, connection: LoopConnection, batch: list[_Waiting[T, R]]
    ) -> None:
        # The server ends the statement a little before those who wait give up: then it is known that nothing was done.
        left_ms = (max(entry.until for entry in batch) - time.monotonic()) * 1000 - SILENCE_MS
        try:
            if not connection.is_open:
                await connection.open(limit_ms=left_ms)
            batch = _taken(batch)
            results = await self._run(connection, [entry.item for entry in batch], left_ms) if batch else []
            # Nobody gets a result before it is certain whose it is.
            pairs = list(zip(batch, results, strict=True))
        except Exception as error:  # noqa: BLE001  (each of those who wait gets it)
            for entry in batch:
                if not entry.result.done():
                    entry.result.set_exception(error)
        else:
            self._answered_at = time.monotonic()
            for entry, result in pairs:
                if not entry.result.done():
                    entry.result.set_result(result)
        finally:
            self._free.append(connection)
            self._take(loop)

    def forget(self) -> None:
        """Drops what an ended loop left, as a restart does: for tests."""
        for connection in self._free:
            connection.close()
        self._free = [LoopConnection() for _ in range(self._at_once)]
        self._waiting.clear()
        self._running.clear()


def _taken(batch: list[_Waiting[T, R]]) -> list[_Waiting[T, R]]:
    """Takes those who still wait: an item whose time is over is done by somebody else, and not here as well."""
    waiting = [entry for entry in batch if not entry.result.done()]
    for entry in waiting:
        entry.is_taken = True
    return waiting
