"""The cache that all processes share: Redis, and the database while Redis is down.

It counts wrong logins and used codes, which must go on being counted. Values are JSON and never pickles, so that nobody
who can write to Redis can run code here.
"""

import json
import logging
import time
from collections.abc import Callable
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


# A process does not ask a Redis that failed again for this long.
AWAY_S = 5.0


class JsonValues:
    """Django's serializer of Redis values, in JSON; whole numbers stay plain for Redis to count."""

    def dumps(self, value: Any) -> bytes | int:
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


class SharedCache(RedisCache):
    """Redis; each call that Redis does not answer goes to the cache `while_redis_is_away`.

    Counts start again when Redis goes away or returns, so a guesser gets at most one more set of attempts each time. A
    Redis that failed is not asked again for a while: a login asks many times and would wait each time.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._server = server

    def add(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._asked("add", super().add, *args, **kwargs))

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return self._asked("get", super().get, *args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> None:
        self._asked("set", super().set, *args, **kwargs)

    def incr(self, *args: Any, **kwargs: Any) -> int:
        return int(self._asked("incr", super().incr, *args, **kwargs))

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._asked("delete", super().delete, *args, **kwargs))

    def clear(self) -> None:
        """Deletes the keys under our prefix: the broker and the issuers' rate budgets are in the same Redis."""
        client = self._cache.get_client(None, write=True)
        if keys := list(client.scan_iter(f"{self.key_prefix}:*")):
            client.delete(*keys)

    def _asked(self, name: str, ask: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() < _away_until.get(self._server, 0.0):
            return getattr(caches["while_redis_is_away"], name)(*args, **kwargs)
        try:
            return ask(*args, **kwargs)
        except RedisError as error:
            _away_until[self._server] = time.monotonic() + AWAY_S
            log.warning("Redis is away (%s); the database counts logins meanwhile.", type(error).__name__)
            return getattr(caches["while_redis_is_away"], name)(*args, **kwargs)


# Until when each Redis that failed is not asked, by the monotonic clock.
_away_until: dict[str, float] = {}
