"""How many purchases were shed: counted in the process, and added to the count of all processes every few seconds.

One log line and one call to Redis stand for all of them, since each would delay the decisions that are still made.
"""

import logging
import threading
import time
from collections import Counter
from typing import Final

from onecard.kit import shared_counts

log = logging.getLogger(__name__)

NAME: Final = "sheds"
EVERY_S: Final = 2.0

_lock = threading.Lock()
_new: Counter[str] = Counter()
_thread: "threading.Thread | None" = None


def add(provider: str) -> None:
    """Counts one purchase that was declined unread."""
    global _thread  # noqa: PLW0603
    with _lock:
        _new[provider] += 1
        if _thread is None:
            _thread = threading.Thread(target=_add_up_soon, name="shed-counts", daemon=True)
            _thread.start()


def add_up() -> None:
    """Adds what is new to the common count, and logs it; what Redis does not take is tried again with the next."""
    with _lock:
        counts = Counter(_new)
        _new.clear()
    if not counts:
        return
    log.error("%d purchases were declined unread: too late, or more than could be decided in time", counts.total())
    if not shared_counts.add(NAME, counts):
        with _lock:
            _new.update(counts)


def read() -> dict[str, int]:
    """Returns the count of all processes by provider."""
    return shared_counts.read(NAME)


def _add_up_soon() -> None:
    global _thread  # noqa: PLW0603
    time.sleep(EVERY_S)
    with _lock:
        _thread = None
    add_up()
