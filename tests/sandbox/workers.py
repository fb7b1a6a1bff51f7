"""A few threads that do what was handed to them, at once or after a while."""

import heapq
import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable

log = logging.getLogger("tests.sandbox")

Job = Callable[[], object]

_LAST_JOBS_S = 10.0


class Workers:
    """Daemon threads with one queue, and one more thread that feeds it on time."""

    def __init__(self, *, count: int) -> None:
        self.stopping = threading.Event()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._due: list[tuple[float, int, Job]] = []
        self._due_changed = threading.Condition()
        self._tie_breaker = itertools.count()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()
        threading.Thread(target=self._watch_clock, daemon=True).start()

    def submit(self, job: Job) -> None:
        """Do the job as soon as a thread is free."""
        self._jobs.put(job)

    def later(self, delay_s: float, job: Job) -> None:
        """Do the job after a while, unless the workers are stopped first."""
        with self._due_changed:
            heapq.heappush(self._due, (time.monotonic() + delay_s, next(self._tie_breaker), job))
            self._due_changed.notify()

    def stop(self) -> None:
        """Take up no further job, and wait a while for those that are being done: nothing is sent after the end."""
        self.stopping.set()
        with self._due_changed:
            self._due_changed.notify()
        for _ in self._threads:
            self._jobs.put(None)
        until = time.monotonic() + _LAST_JOBS_S
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None and not self.stopping.is_set():
            try:
                job()
            except Exception:
                log.exception("A job of the sandbox failed.")

    def _watch_clock(self) -> None:
        with self._due_changed:
            while not self.stopping.is_set():
                now = time.monotonic()
                while self._due and self._due[0][0] <= now:
                    self._jobs.put(heapq.heappop(self._due)[2])
                self._due_changed.wait(self._due[0][0] - now if self._due else None)
