"""Counts that all processes keep together in Redis; a Redis that lost its data counts from 0 again."""

import functools
from collections.abc import Mapping
from typing import Final

from django.conf import settings

from onecard.kit.shared_redis import Shared

_ADD: Final = """
for place = 1, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[place], ARGV[place + 1]) end
return 1
"""
_READ: Final = "return redis.call('HGETALL', KEYS[1])"


def add(what: str, counts: Mapping[str, int]) -> bool:
    """Adds to the counts of this name; returns False while Redis is away, and then nothing was added."""
    return link().run(_ADD, what, *(each for pair in counts.items() for each in pair)) is not None


def read(what: str) -> dict[str, int]:
    """Returns the counts of this name; {} while Redis is away."""
    found = [each.decode() for each in link().run(_READ, what) or []]
    return {name: int(count) for name, count in zip(found[::2], found[1::2], strict=True)}


@functools.cache
def link() -> Shared:
    """Returns the link of this process."""
    return Shared(settings.REDIS_URL, prefix="onecard:counts:", without="What is counted in Redis waits.")
