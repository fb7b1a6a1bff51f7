"""Lets as many in as are done soon, and turns away early what would not be done in time (docs/decisions/0057).

A queue without a bound makes everybody late once more comes than is done. Here those who wait are let in by order of
arrival, and a burst is worked off. Once somebody has waited long, more comes than is done: from then on the queue is
only as long as it has to be to keep every place busy, and who comes beyond that is turned away at once.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

# The share of the newest in the means of how long work takes and of how much is under way.
NEWEST: Final = 0.05
# Shares of the limit: how long the work of those inside may take; the longest wait, which shows that too much comes;
# and the wait while too much comes.
WORK_SHARE: Final = 0.25
BURST_SHARE: Final = 0.5
MOMENT_SHARE: Final = 0.1
# Who still has this share of the limit is let in however slow the work was: else nobody would find out that it is fast.
FRESH_SHARE: Final = 0.75
# Too much comes until nobody was turned away for so long.
CALM_S: Final = 1.0


@dataclass(slots=True, eq=False)
class _Waiting:
    """One who waits; its work has to be done by `until`, in time.perf_counter()."""

    joined_at: float
    until: float
    is_let_in: "asyncio.Future[bool]"


class Admission:
    """Used from one event loop at a time.

    At least `least` and at most `most` are inside at once: as many as are done within a quarter of the limit at the
    measured pace. More than that would only wait inside.
    """

    def __init__(self, *, least: int, most: int, most_waiting: int) -> None:
        self._least, self._most, self._most_waiting = least, most, most_waiting
        self._waiting: deque[_Waiting] = deque()
        self._inside = 0
        self._limit_s = 1.0
        self._mean_inside = self._takes_s = self._varies_s = 0.0
        self._turned_away_at = -CALM_S
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_swamped(self) -> bool:
        """Whether one more would be turned away at once."""
        if self._inside < self._places and not self._waiting:
            return False
        is_too_much = time.perf_counter() - self._turned_away_at < CALM_S
        most = max(self._pace * MOMENT_SHARE * self._limit_s, 1) if is_too_much else self._most_waiting
        return len(self._waiting) >= min(most, self._most_waiting)

    async def enter(self, *, left_s: float, limit_s: float) -> float:
        """Returns when the caller was let in, for `leave`; 0.0 if it is turned away.

        `left_s` is what is left of `limit_s`, in which the work has to be done.
        """
        moment, self._limit_s = time.perf_counter(), limit_s
        if left_s < self._expected_s or self.is_swamped:
            self.turned_away()
            return 0.0
        if self._inside < self._places and not self._waiting:
            self._inside += 1
            return moment
        entry = _Waiting(moment, moment + left_s, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        self._tidy()
        try:
            return time.perf_counter() if await entry.is_let_in else 0.0
        except asyncio.CancelledError:
            self._forget(entry)
            raise

    def turned_away(self) -> None:
        """Notes that somebody was turned away: too much comes."""
        self._turned_away_at = time.perf_counter()

    def leave(self, entered_at: float) -> None:
        """Gives the place to the next; `entered_at` is what `enter` returned."""
        took_s = time.perf_counter() - entered_at
        self._varies_s += NEWEST * (abs(took_s - self._takes_s) - self._varies_s)
        self._takes_s += NEWEST * (took_s - self._takes_s)
        self._mean_inside += NEWEST * (self._inside - self._mean_inside)
        self._inside -= 1
        self._let_in()

    @property
    def _pace(self) -> float:
        """How many are done in a second: what was inside, divided by how long it took."""
        return self._mean_inside / self._takes_s if self._takes_s else float("inf")

    @property
    def _places(self) -> int:
        return int(min(max(self._pace * WORK_SHARE * self._limit_s, self._least), self._most))

    @property
    def _expected_s(self) -> float:
        """How long the work of one more may take, as the last ones did."""
        return min(self._takes_s + 2 * self._varies_s, FRESH_SHARE * self._limit_s)

    def _let_in(self) -> None:
        self._tidy()
        while self._waiting and self._inside < self._places:
            entry = self._waiting.popleft()
            if not entry.is_let_in.done():
                self._inside += 1
                entry.is_let_in.set_result(True)
        self._come_again(time.perf_counter())

    def _tidy(self) -> None:
        """Turns away who has waited too long, and comes again when the next one has."""
        moment = time.perf_counter()
        while self._waiting and self._ends_at(self._waiting[0]) <= moment:
            entry = self._waiting.popleft()
            if not entry.is_let_in.done():
                entry.is_let_in.set_result(False)
                self.turned_away()
        self._come_again(moment)

    def _come_again(self, moment: float) -> None:
        if not self._waiting and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting and self._timer is None:
            pause_s = self._ends_at(self._waiting[0]) - moment
            self._timer = asyncio.get_running_loop().call_later(pause_s, self._tidy_again)

    def _tidy_again(self) -> None:
        self._timer = None
        self._tidy()

    def _ends_at(self, entry: _Waiting) -> float:
        return min(entry.until - self._expected_s, entry.joined_at + BURST_SHARE * self._limit_s)

    def _forget(self, entry: _Waiting) -> None:
        """Gives back the place of one who went away, or its place in the queue."""
        if entry in self._waiting:
            self._waiting.remove(entry)
        elif entry.is_let_in.done() and not entry.is_let_in.cancelled() and entry.is_let_in.result():
            self._inside -= 1
            self._let_in()
