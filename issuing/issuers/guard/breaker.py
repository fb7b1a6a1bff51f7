"""A circuit breaker that all processes share: closed, open after consecutive failures, half-open for one probe."""

from dataclasses import dataclass
from typing import Literal

from issuing.issuers.guard.redis_scripts import Shared, shared

FAILURES, COOL_DOWN_S = 5, 30.0
# A probe whose process died is given up after this. If a slow one outlives it, a second probe does no harm.
PROBE_S = 60.0
_KEPT_MS = 86_400_000

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local row = redis.call('HMGET', KEYS[1], 'failures', 'open_until', 'probe_until')
local failures, open_until, probe_until = tonumber(row[1] or 0), tonumber(row[2] or 0), tonumber(row[3] or 0)
"""
# ARGV: probe ms. Returns {1, is probe} to allow a call, {0, ms to wait} to refuse it.
_ENTER = f"""{_NOW}
if open_until == 0 then return {{1, 0}} end
if now < open_until then return {{0, open_until - now}} end
if now < probe_until then return {{0, probe_until - now}} end
redis.call('HSET', KEYS[1], 'probe_until', now + ARGV[1])
return {{1, 1}}
"""
# ARGV: is probe. A late success from before the opening does not close it.
_SUCCEEDED = f"""{_NOW}
if open_until == 0 or ARGV[1] == '1' then redis.call('DEL', KEYS[1]) end
return 1
"""
# ARGV: is probe, failures to open, cool-down ms, kept ms.
_FAILED = f"""{_NOW}
if open_until ~= 0 and ARGV[1] ~= '1' then return 0 end
failures = failures + 1
redis.call('HSET', KEYS[1], 'failures', failures)
if failures >= tonumber(ARGV[2]) or ARGV[1] == '1' then
  redis.call('HSET', KEYS[1], 'open_until', now + ARGV[3], 'probe_until', 0)
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
"""
_GIVE_BACK = "return redis.call('HDEL', KEYS[1], 'probe_until')"
_STATE = f"""{_NOW}
return {{failures, open_until, math.max(0, open_until - now), math.max(0, probe_until - now)}}
"""


@dataclass(frozen=True, slots=True)
class Permit:
    """The permission to call the issuer, or the seconds to wait for it."""

    allowed: bool
    is_probe: bool = False
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class BreakerState:
    """The state of a breaker, for admin and metrics; "unknown" without Redis."""

    state: Literal["closed", "open", "half_open", "unknown"]
    failures: int = 0
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """The breaker of one provider; without Redis it is closed and counts nothing."""

    provider: str
    link: Shared
    failures: int = FAILURES
    cool_down_s: float = COOL_DOWN_S
    probe_s: float = PROBE_S

    def enter(self) -> Permit:
        """Asks for permission; while the breaker is half-open, one caller gets it as the probe."""
        answer = self.link.run(_ENTER, self._key, _ms(self.probe_s))
        if answer is None or answer[0]:
            return Permit(allowed=True, is_probe=bool(answer and answer[1]))
        return Permit(allowed=False, wait_s=answer[1] / 1000)

    def succeeded(self, permit: Permit) -> None:
        """The issuer answered, even if it refused."""
        self.link.run(_SUCCEEDED, self._key, int(permit.is_probe))

    def failed(self, permit: Permit) -> None:
        """The issuer gave no clear answer."""
        self.link.run(
            _FAILED,
            self._key,
            int(permit.is_probe),
            self.failures,
            _ms(self.cool_down_s),
            _KEPT_MS + _ms(self.cool_down_s),
        )

    def give_back(self, permit: Permit) -> None:
        """Returns an unused permission. If it was the probe's, the next caller may probe."""
        if permit.is_probe:
            self.link.run(_GIVE_BACK, self._key)

    def state(self) -> BreakerState:
        """Returns the breaker's present state."""
        answer = self.link.run(_STATE, self._key)
        if answer is None:
            return BreakerState("unknown")
        failures, open_until, wait_ms, probe_ms = answer
        if not open_until:
            return BreakerState("closed", failures)
        if wait_ms:
            return BreakerState("open", failures, wait_ms / 1000)
        return BreakerState("half_open", failures, probe_ms / 1000)

    @property
    def _key(self) -> str:
        return f"{self.provider}:breaker"


def breaker_state(provider: str) -> BreakerState:
    """Returns the state of a provider's breaker, read from any process."""
    return Breaker(provider, shared()).state()


def close_breaker(provider: str) -> None:
    """Closes a breaker by hand, for staff, and for tests that share a Redis."""
    shared().run("return redis.call('DEL', KEYS[1])", f"{provider}:breaker")


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
