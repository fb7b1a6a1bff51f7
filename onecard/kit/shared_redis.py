"""State that all processes share, in Redis, changed by small scripts; what works without Redis goes on without it."""

import logging
import threading
import time
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)

TIMEOUT_S = 0.25
# After a failure Redis is left alone for this long, so that its absence does not cost each call a timeout.
PAUSE_S = 1.0
COMPLAIN_EVERY_S = 60.0


class Shared:
    """Runs scripts in Redis; what cannot be run gives None, which callers take for "go on".

    Its keys begin with `prefix`; `without` is the log's sentence about an absence of Redis.
    """

    def __init__(self, url: str, *, prefix: str, without: str) -> None:
        self._prefix, self._without = prefix, without
        self._redis = redis.Redis.from_url(
            url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0)
        )
        self._scripts: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._away_until = self._quiet_until = 0.0

    def run(self, script: str, key: str, *arguments: object) -> Any:
        """Returns the script's answer, or None when Redis is away."""
        if time.monotonic() < self._away_until:
            return None
        try:
            return self._compiled(script)(keys=[f"{self._prefix}{key}"], args=[str(item) for item in arguments])
        except redis.RedisError as error:
            self._note_absence(error)
            return None

    def clear(self) -> None:
        """Deletes everything under the prefix: for tests."""
        if keys := list(self._redis.scan_iter(f"{self._prefix}*")):
            self._redis.delete(*keys)

    def close(self) -> None:
        """Gives the connections back."""
        self._redis.close()

    def _compiled(self, script: str) -> Any:
        with self._lock:
            if script not in self._scripts:
                self._scripts[script] = self._redis.register_script(script)
            return self._scripts[script]

    def _note_absence(self, error: redis.RedisError) -> None:
        now = time.monotonic()
        with self._lock:
            self._away_until = now + PAUSE_S
            is_due = now >= self._quiet_until
            if is_due:
                self._quiet_until = now + COMPLAIN_EVERY_S
        if is_due:
            log.error("%s Redis says %s.", self._without, type(error).__name__)
