"""How long calls took, counted by all processes together in Redis, in the buckets of a histogram.

A count costs one round trip after the call, and the call never fails by it. While Redis is away nothing is counted, and
a Redis that lost its data counts from 0 again. Nothing on the way of a decision is counted here: decisions store their
times themselves.
"""

import bisect
import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from django.conf import settings

from onecard.kit.shared_redis import Shared

# The upper bounds of the buckets in seconds; each target of docs/monitoring.md is one of them.
BOUNDS_S: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0),
)
BEYOND: Final = "+Inf"
SUM_US: Final = "sum_us"
_ADD: Final = """
redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
redis.call('HINCRBY', KEYS[1], ARGV[2], ARGV[3])
return 1
"""
_READ: Final = "return redis.call('HGETALL', KEYS[1])"


@dataclass(slots=True)
class Call:
    """A call that is being timed; `status` is that of its answer over HTTP, 0 without one."""

    status: int = 0

    @property
    def code(self) -> str:
        """The class of the answer's status, such as "2xx"; "none" for no answer."""
        return f"{self.status // 100}xx" if self.status else "none"


@contextmanager
def timed(what: str, *labels: str) -> Iterator[Call]:
    """Times a call and counts it under its labels and its answer's code, however the call ends."""
    call, began = Call(), time.perf_counter()
    try:
        yield call
    finally:
        note(what, (*labels, call.code), time.perf_counter() - began)


def note(what: str, labels: tuple[str, ...], seconds: float) -> None:
    """Counts one duration; does nothing while Redis is away. No label may contain "|"."""
    place = bisect.bisect_left(BOUNDS_S, seconds)
    bucket = str(BOUNDS_S[place]) if place < len(BOUNDS_S) else BEYOND
    series = "|".join(labels)
    link().run(_ADD, what, f"{series}|{bucket}", f"{series}|{SUM_US}", round(seconds * 1_000_000))


def read(what: str) -> dict[str, int]:
    """Returns the counts by labels and bucket, and the sums by labels; {} while Redis is away."""
    found = [each.decode() for each in link().run(_READ, what) or []]
    return {name: int(count) for name, count in zip(found[::2], found[1::2], strict=True)}


@functools.cache
def link() -> Shared:
    """Returns the link of this process."""
    return Shared(settings.REDIS_URL, prefix="onecard:durations:", without="Durations of calls are not counted.")
