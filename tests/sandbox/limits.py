"""How many calls a second an issuer takes, and a count of those it had to refuse."""

import threading
import time
from collections import deque
from collections.abc import Callable

from tests.sandbox.wire import Json

_WINDOW_S = 1.0


class RateLimit:
    """At most `per_second` calls in any second, wherever that second begins; 0 takes them all."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_second = 0
        self.taken = 0
        self.refused = 0
        self.busiest_second = 0
        self._clock = clock
        self._taken_at: deque[float] = deque()
        self._asked_at: deque[float] = deque()
        self._lock = threading.Lock()

    def set(self, per_second: int) -> None:
        """Change the limit and count anew."""
        with self._lock:
            self.per_second = per_second
            self.taken = self.refused = self.busiest_second = 0
            self._taken_at.clear()
            self._asked_at.clear()

    def take(self) -> bool:
        """Tell whether one more call may pass now; a refused one uses up nothing."""
        with self._lock:
            now = self._clock()
            self._asked_at.append(now)
            for times in (self._asked_at, self._taken_at):
                while times and times[0] <= now - _WINDOW_S:
                    times.popleft()
            self.busiest_second = max(self.busiest_second, len(self._asked_at))
            if self.per_second and len(self._taken_at) >= self.per_second:
                self.refused += 1
                return False
            self._taken_at.append(now)
            self.taken += 1
            return True

    def to_json(self) -> Json:
        """Show the limit and what was counted since it was set; the busiest second counts refused calls too."""
        with self._lock:
            return {
                "per_second": self.per_second,
                "taken": self.taken,
                "refused": self.refused,
                "busiest_second": self.busiest_second,
            }
