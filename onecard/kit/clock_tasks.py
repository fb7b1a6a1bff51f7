"""A task of the clock waits behind no backlog of messages, and never runs beside itself.

Its message expires when the next one comes, so behind a backlog that stands for longer none would ever be done. So the
broker hands it out first (Celery's priority; at Redis 0 is the highest). Since it comes first, it must not take every
worker: while one of a task is under way, the next ones end at once.
"""

import logging
from typing import Any, Final

from celery import Task
from django.core.cache import cache

log = logging.getLogger(__name__)

# What the relay publishes; the clock's messages have no priority, which is 0.
OF_MESSAGES: Final = 6
# Longer than the hard time limit of a sweep: a worker that was killed holds up its sweep for so long at most.
HELD_S: Final = 100


class ClockTask(Task[Any, Any]):
    """Runs what `one_at_a_time` of the configuration names once at a time, over all workers."""

    abstract = True

    def __call__(self, *values: Any, **named: Any) -> Any:
        is_by_worker = not (self.request.called_directly or self.request.is_eager)
        if not (is_by_worker and self.name in self.app.conf.get("one_at_a_time", ())):
            return self.run(*values, **named)
        key, mine = f"running:{self.name}", str(self.request.id)
        if not (cache.add(key, mine, timeout=HELD_S) or cache.get(key) == mine):
            log.info("%s is under way already", self.name)
            return None
        try:
            return self.run(*values, **named)
        finally:
            cache.delete(key)
