"""Counts the deliveries whose signature or password was wrong, by the hour, in Redis: for people, and for nothing else.

A wrong secret shows here first: the issuer's questions are then refused, and it answers in our place. Without Redis
nothing is counted. Strangers may send such deliveries by the thousand, and the threads are those of decisions: so a
process asks Redis once a second at most, and then adds what has gathered since.
"""

import datetime as dt
import threading
import time
from collections import Counter
from dataclasses import dataclass

from issuing.issuers.guard.redis_scripts import shared

EVERY_S = 1.0
_HOUR = """
local now = redis.call('TIME')[1]
local hour = math.floor(now / 3600)
"""
_NOTE = f"""{_HOUR}
redis.call('HINCRBY', KEYS[1], hour, ARGV[1])
redis.call('HSET', KEYS[1], 'last', now)
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if field ~= 'last' and tonumber(field) < hour - 24 then redis.call('HDEL', KEYS[1], field) end
end
redis.call('EXPIRE', KEYS[1], 172800)
return 1
"""
_COUNT = f"""{_HOUR}
local count = 0
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if field ~= 'last' and tonumber(field) > hour - ARGV[1] then
    count = count + tonumber(redis.call('HGET', KEYS[1], field))
  end
end
return {{count, tonumber(redis.call('HGET', KEYS[1], 'last') or 0)}}
"""


@dataclass(frozen=True, slots=True)
class Refused:
    """How many were refused, and when the last one of a day was; None where there was none."""

    count: int
    last_at: dt.datetime | None


def note(provider: str) -> None:
    """Counts one refused delivery."""
    with _lock:
        _gathered[provider] += 1
        if time.monotonic() < _next_at.get(provider, 0.0):
            return
        _next_at[provider] = time.monotonic() + EVERY_S
        count = _gathered.pop(provider)
    shared().run(_NOTE, f"{provider}:refused_signatures", count)


def of_a_day(provider: str) -> Refused | None:
    """Returns what was refused within 24 hours; None without Redis."""
    return of_hours(provider, 24)


def of_hours(provider: str, hours: int) -> Refused | None:
    """Returns what was refused in this hour and those before it, `hours` in all, at most 24; None without Redis."""
    answer = shared().run(_COUNT, f"{provider}:refused_signatures", hours)
    if answer is None:
        return None
    count, last_s = answer
    return Refused(count, dt.datetime.fromtimestamp(last_s, dt.UTC) if last_s else None)


def forget() -> None:
    """Drops what this process has gathered, as a restart does: for tests."""
    _gathered.clear()
    _next_at.clear()


_lock = threading.Lock()
_gathered: Counter[str] = Counter()
_next_at: dict[str, float] = {}
