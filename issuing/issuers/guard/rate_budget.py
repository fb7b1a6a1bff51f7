"""A budget of calls a second that all processes share, so that an issuer's rate limit is respected before it bites."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from issuing.issuers.errors import OverBudgetError
from issuing.issuers.guard.redis_scripts import Shared

# Of the issuer's own figure we use this part: what is sent evenly arrives bunched after a stall, here of up to 0.2 s.
SHARE = 0.8
MOST_WAIT_S = 10.0

_TIME = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local free_at = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0))
"""
# ARGV: microseconds between two calls, most to wait. Gives {1, wait} with a place reserved, or {0, wait} without one.
_TAKE = f"""{_TIME}
local wait = free_at - now
if wait > tonumber(ARGV[2]) then return {{0, wait}} end
redis.call('SET', KEYS[1], string.format('%.0f', free_at + ARGV[1]), 'PX', math.ceil((wait + ARGV[1]) / 1000) + 1000)
return {{1, wait}}
"""
_BACKLOG = f"""{_TIME}
return free_at - now
"""
# ARGV: microseconds during which nobody shall call.
_HOLD = f"""{_TIME}
local until_at = math.max(free_at, now + ARGV[1])
redis.call('SET', KEYS[1], string.format('%.0f', until_at), 'PX', math.ceil((until_at - now) / 1000) + 1000)
return 1
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the queue: reserved, to be used after `wait_s`; or not, because the wait would be too long."""

    reserved: bool
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Budget:
    """Calls of one provider, one at a time and evenly spaced; 0 a second, or no Redis, is no limit."""

    provider: str
    link: Shared
    per_second: float

    def take(self, *, most_wait_s: float) -> Place:
        """Reserves the next place, if its turn comes within `most_wait_s`."""
        if not self.per_second:
            return Place(reserved=True)
        answer = self.link.run(_TAKE, self._key, self._interval_us, round(most_wait_s * 1_000_000))
        if answer is None:
            return Place(reserved=True)
        return Place(reserved=bool(answer[0]), wait_s=answer[1] / 1_000_000)

    def hold(self, seconds: float) -> None:
        """Stops all calls for this many seconds, because the issuer asked for it."""
        if self.per_second:
            self.link.run(_HOLD, self._key, round(seconds * 1_000_000))

    def backlog_s(self) -> float | None:
        """Returns how long the next call would wait for its turn; None without a limit or without Redis."""
        if not self.per_second:
            return None
        wait_us = self.link.run(_BACKLOG, self._key)
        return None if wait_us is None else wait_us / 1_000_000

    @property
    def _interval_us(self) -> int:
        return math.ceil(1_000_000 / (self.per_second * SHARE))

    @property
    def _key(self) -> str:
        return f"{self.provider}:budget"


@dataclass(frozen=True, slots=True)
class Gate:
    """What every single request passes on its way out; one method of an issuer may send several."""

    budget: Budget
    most_wait_s: float = MOST_WAIT_S
    sleep: Callable[[float], None] = time.sleep

    def __call__(self) -> None:
        """Waits for its turn; raises OverBudgetError when that is too far off."""
        place = self.budget.take(most_wait_s=self.most_wait_s)
        if not place.reserved:
            raise OverBudgetError(
                "The card issuer is asked too much at once. Please try again shortly.", retry_after_s=place.wait_s
            )
        if place.wait_s:
            self.sleep(place.wait_s)
