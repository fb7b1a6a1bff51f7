"""How long to wait before the next attempt."""

import random
from collections.abc import Callable

FIRST_DELAY_S, LONGEST_DELAY_S = 2.0, 3600.0


def backoff_s(attempts: int, *, jitter: Callable[[], float] = random.random) -> float:
    """Returns the seconds until the next attempt: doubling from two to an hour, half of it random to spread load."""
    full = min(FIRST_DELAY_S * 2.0 ** min(attempts - 1, 20), LONGEST_DELAY_S)
    return full / 2 + full / 2 * jitter()


def growing_s(
    passed_s: float, *, first_s: float, longest_s: float, jitter: Callable[[], float] = random.random
) -> float:
    """Returns the seconds until the next attempt when `passed_s` have passed since the first one.

    Waiting as long as it has taken so far doubles each time; half of it is random to spread load.
    """
    full = min(max(passed_s, first_s), longest_s)
    return full / 2 + full / 2 * jitter()
