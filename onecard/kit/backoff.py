"""How long to wait before the next attempt."""

import random
from collections.abc import Callable

FIRST_DELAY_S, LONGEST_DELAY_S = 2.0, 3600.0


def backoff_s(attempts: int, *, jitter: Callable[[], float] = random.random) -> float:
    """Returns the seconds until the next attempt: doubling from two to an hour, half of it random to spread load."""
    full = min(FIRST_DELAY_S * 2.0 ** min(attempts - 1, 20), LONGEST_DELAY_S)
    return full / 2 + full / 2 * jitter()
