"""The period that a comparison covers."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from onecard.kit import clock

# A capture may follow its purchase by 31 days (docs/issuers/stripe.md, Issuing transactions), plus a margin.
LENGTH = dt.timedelta(days=35)
# Recent movements may still be on their way to us.
GRACE = dt.timedelta(minutes=15)
# The two sides date a movement differently: a row near an edge still finds its partner.
MARGIN = dt.timedelta(days=2)
# A charge is retried and looked up automatically for this long.
LOOKED_UP_FOR = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Window:
    """Movements from `since`, included, to `until`, excluded, are due; a margin around it is read for partners."""

    since: dt.datetime
    until: dt.datetime
    now: dt.datetime

    def is_due(self, moment: dt.datetime) -> bool:
        return self.since <= moment < self.until

    @property
    def reads_from(self) -> dt.datetime:
        return self.since - MARGIN

    @property
    def reads_to(self) -> dt.datetime:
        return self.until + MARGIN

    @property
    def silent_since(self) -> dt.datetime:
        """An outcome that is unknown since before this time is no longer reported automatically."""
        return self.now - LOOKED_UP_FOR

    def parameters(self, **more: Any) -> dict[str, Any]:
        """Returns the parameters of the queries on our books."""
        return {
            "since": self.since,
            "until": self.until,
            "reads_from": self.reads_from,
            "reads_to": self.reads_to,
            "silent_since": self.silent_since,
            "told_since": self.now - GRACE,
            **more,
        }


def window(*, since: dt.datetime | None = None, until: dt.datetime | None = None) -> Window:
    """Returns the last 35 days up to a quarter of an hour ago, or as requested; never newer than that quarter."""
    now = clock.now()
    end = min(until or now, now - GRACE)
    return Window(since=since or end - LENGTH, until=end, now=now)
