"""How long the workers that call the processor wait and how often they try: for charges, holds and refunds."""

import datetime as dt

from onecard.kit import clock

# Stripe may forget a key after 24 hours; this leaves an hour.
KEY_LIFE = dt.timedelta(hours=23)
# The processor lists what it made well before this time has passed.
LISTED_BY = dt.timedelta(minutes=5)
# The queue gets this head start before the sweeper looks.
SWEEP_GRACE = dt.timedelta(seconds=3)


def is_long_ago(sent_at: dt.datetime | None) -> bool:
    """Returns whether the processor would list by now what a request sent then had made."""
    return sent_at is not None and clock.now() - sent_at >= LISTED_BY
