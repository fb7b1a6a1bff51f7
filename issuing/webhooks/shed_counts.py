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
_teller: "threading.Thread | None" = None


def add(provider: str) -> None:
    """Counts one purchase that was declined unread."""
    global _teller  # noqa: PLW0603
    with _lock:
        _new[provider] += 1
        if _teller is None:
            _teller = threading.Thread(target=_tell_soon, name="shed-counts", daemon=True)
            _teller.start()


def tell() -> None:
    """Adds what is new to the common count, and logs it; what Redis does not take is tried again with the next."""
    with _lock:
        told = Counter(_new)
        _new.clear()
    if not told:
        return
    log.error("%d purchases were declined unread: more came than could be decided in time", told.total())
    if not shared_counts.add(NAME, told):
        with _lock:
            _new.update(told)


def read() -> dict[str, int]:
    """Returns the count of all processes by provider."""
    return shared_counts.read(NAME)


def _tell_soon() -> None:
    global _teller  # noqa: PLW0603
    time.sleep(EVERY_S)
    with _lock:
        _teller = None
    tell()
