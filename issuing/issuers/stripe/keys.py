"""The idempotency keys of one change at Stripe, in runs of an hour (docs/decisions/0042).

Stripe stores an error of 500 under its key, and forgets a key after 24 hours. So a change has several keys, and each
run has its own. Within a run a key is used only after every earlier one has answered a stored error. No key is used
after its run.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from issuing.issuers import errors
from issuing.issuers.errors import HeldBackError
from onecard.kit import clock

RUN = dt.timedelta(hours=1)
# Nothing is created at the end of a run, so that the next run's look-up finds whatever this run made.
QUIET_END = dt.timedelta(minutes=5)
# Each try sends the used keys again, so more keys cost more requests.
KEYS_OF_A_RUN = 16


@dataclass(frozen=True, slots=True)
class Run:
    """The hour in the life of a change, counted from 0, and how much of it is left."""

    number: int
    left: dt.timedelta

    @property
    def is_first(self) -> bool:
        """Returns whether nothing can have been sent in an earlier run."""
        return self.number == 0

    @property
    def is_ending(self) -> bool:
        """Returns whether a creation has to wait for the next run."""
        return self.left <= QUIET_END

    def keys(self, key: str) -> Iterator[str]:
        """Yields the run's keys in the order of their use."""
        first = key if self.is_first else f"{key}:run-{self.number}"
        yield first
        yield from (f"{first}:{turn}" for turn in range(2, KEYS_OF_A_RUN + 1))

    def next_one(self) -> HeldBackError:
        """Returns the error that asks the caller to come back in the next run."""
        return errors.held_back(self.left)


def run_now(asked_at: dt.datetime | None) -> Run:
    """Returns the present run of a change that was asked for at that time (None: just now)."""
    now = clock.now()
    number, passed = divmod(max(now - (asked_at or now), dt.timedelta()), RUN)
    return Run(number, RUN - passed)
