"""State about an issuer that all processes share. Without Redis nothing is limited and no breaker opens."""

import functools
from typing import Final

from django.conf import settings

from onecard.kit import shared_redis

PREFIX: Final = "onecard:issuer:"


class Shared(shared_redis.Shared):
    """The issuers' part of Redis."""

    def __init__(self, url: str) -> None:
        super().__init__(url, prefix=PREFIX, without="Calls to issuers go on without breaker and rate budget.")


@functools.cache
def shared() -> Shared:
    """Returns the link of this process."""
    return Shared(settings.REDIS_URL)
