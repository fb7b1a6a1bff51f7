"""Threads in which hooks run that may hang: a few of each hook's own, so that none takes those of another or waits.

Nothing can end a call that hangs. Its thread stays taken until it returns; when all of a hook's threads are, the hook
is not asked. The threads end with the process and hold nobody up, which those of concurrent.futures would.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

MOST_THREADS: Final = 2


class HookThreads:
    """Runs the calls of one hook; a call must not raise."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._free = threading.Semaphore(MOST_THREADS)
        self._lock = threading.Lock()
        self._started = 0
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()

    def submit(self, call: Callable[[], Any]) -> "Future[Any] | None":
        """Begins a call; None while all threads are taken."""
        if not self._free.acquire(blocking=False):
            return None
        self._start_one()
        future: Future[Any] = Future()
        self._calls.put((future, call))
        return future

    def _start_one(self) -> None:
        with self._lock:
            if self._started < MOST_THREADS:
                self._started += 1
                threading.Thread(target=self._run, name=f"fraud-{self._name}", daemon=True).start()

    def _run(self) -> None:
        while True:
            future, call = self._calls.get()
            # Whoever gave up on it before it began does not want it any more.
            result = call() if future.set_running_or_notify_cancel() else None
            self._free.release()
            if not future.cancelled():
                future.set_result(result)
