"""The only reader of the clock, so that a test or a simulation can set it."""

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from onecard.kit.time_zones import zone_of

_now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)  # noqa: E731  (replaced as a whole by tests)


def now() -> dt.datetime:
    """Returns the present moment, aware, in UTC."""
    return _now()


@contextmanager
def ahead(by: dt.timedelta) -> Iterator[None]:
    """For simulations: inside the block, this process's clock runs ahead by this much."""
    global _now  # noqa: PLW0603  (replaced as a whole, as tests do)
    usual = _now
    _now = lambda: usual() + by  # noqa: E731
    try:
        yield
    finally:
        _now = usual


def local_day(moment: dt.datetime, time_zone: str) -> dt.date:
    """Returns the calendar day of `moment` in an IANA zone; in UTC when the zone is unknown."""
    return moment.astimezone(zone_of(time_zone)).date()


class Stopwatch:
    """Milliseconds of named steps, each counted from the end of the one before.

    `waited_ms` had passed before the stopwatch was made; they are the step "waited".
    """

    def __init__(self, *, waited_ms: float = 0.0) -> None:
        self._last = time.perf_counter()
        self.started = self._last - waited_ms / 1000
        self.steps_ms: dict[str, float] = {"waited": round(waited_ms, 3)} if waited_ms else {}

    def lap(self, step: str) -> None:
        """Ends the current step under this name; a step that is timed twice adds up."""
        moment = time.perf_counter()
        self.steps_ms[step] = round(self.steps_ms.get(step, 0.0) + (moment - self._last) * 1000, 3)
        self._last = moment

    def at_least(self, elapsed_ms: float) -> None:
        """Raises the elapsed time to this many milliseconds, if it is less."""
        more_ms = elapsed_ms - self.elapsed_ms
        if more_ms > 0:
            self.started -= more_ms / 1000
            self.steps_ms["waited"] = round(self.steps_ms.get("waited", 0.0) + more_ms, 3)

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the stopwatch started."""
        return (time.perf_counter() - self.started) * 1000
