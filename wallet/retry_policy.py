"""How long the workers that call the processor wait and go on: the same for charges, holds and refunds."""

import datetime as dt

from onecard.kit import clock

# Stripe may forget a key after 24 hours; an hour of slack.
KEY_LIFE = dt.timedelta(hours=23)
# What was made is in the processor's list well before that.
LISTED_BY = dt.timedelta(minutes=5)
# From this many calls on, a person is told; trying goes on at the longest delay.
ATTEMPTS_BEFORE_CASE = 6
# The ordinary way through the queue gets this head start before the sweeper looks.
SWEEP_GRACE = dt.timedelta(seconds=3)


def is_long_ago(sent_at: dt.datetime | None) -> bool:
    """Whether a request that reached the processor then would be in its lists by now, had it done anything."""
    return sent_at is not None and clock.now() - sent_at >= LISTED_BY
