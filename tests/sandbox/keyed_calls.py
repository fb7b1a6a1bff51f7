"""Calls with an idempotency key are done as a whole, or not at all: deed and key are one thing to whoever dies."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class KeyedCalls:
    """Lets calls in until it is closed."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._closed = False

    @contextmanager
    def one(self) -> Iterator[None]:
        """One call from the claim of its key to its answer; after the end it waits for ever."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def close(self) -> bool:
        """Lets nobody in any more, and waits for those inside; False when it was closed before."""
        with self._changed:
            if self._closed:
                return False
            self._closed = True
            self._changed.wait_for(lambda: not self._inside)
            return True
