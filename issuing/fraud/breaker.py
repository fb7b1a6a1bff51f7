"""A hook that is late again and again is left alone for a while, so that purchases do not wait for it each time."""

import threading
import time
from typing import Final

# Late answers in a row until a hook is left alone, and for how long. Then one purchase tries it again.
LATE_TO_OPEN: Final = 3
OPEN_S: Final = 30.0


class Breaker:
    """Of one hook, in one process. Used by the event loop and by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._late_in_a_row = 0
        self._open_until = 0.0

    def may_ask(self) -> bool:
        """Returns whether the hook is asked now. Of all who ask after the pause, one is told yes until it is done."""
        # Without the lock, which nearly always nobody needs: it is one number, read once.
        if self._late_in_a_row < LATE_TO_OPEN:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._open_until:
                return False
            self._open_until = now + OPEN_S
            return True

    def count_answer(self, *, is_late: bool) -> None:
        """Counts an answer."""
        if not is_late and not self._late_in_a_row:
            return
        with self._lock:
            self._late_in_a_row = self._late_in_a_row + 1 if is_late else 0
            if self._late_in_a_row >= LATE_TO_OPEN:
                self._open_until = time.monotonic() + OPEN_S
