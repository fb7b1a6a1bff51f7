"""How old a card's past in a process's memory may be (docs/decisions/0061).

A process adds its own decisions to what it remembers. What other processes decided it sees when it reads the card
again, which it does once the memory is older than CARD_HISTORY_MAX_AGE_S, and only while something looks at the past.
"""

import time

from django.conf import settings


def is_fresh(read_at: float) -> bool:
    """Returns whether a past that was read at this moment of `time.monotonic` may be decided on."""
    return time.monotonic() - read_at < settings.CARD_HISTORY_MAX_AGE_S
