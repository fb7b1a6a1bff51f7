"""Reads when a message or transaction of Marqeta happened."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

# The merchant's moment first, then Marqeta's own.
_FIELDS = ("user_transaction_time", "created_time")


def happened_at(row: Mapping[str, Any]) -> dt.datetime | None:
    """Returns the first moment of a row that can be read, in UTC; None when no field holds one.

    A time without an offset is in UTC. A bad time never decides whether money counts, so it is an unknown moment and
    no error: the webhook then takes the moment of receipt, the search for missed events reads the row as old so that it
    is never passed over, and the list for reconciliation reports the row, since it cannot be placed in the window.
    """
    return next(filter(None, (_moment(row.get(name)) for name in _FIELDS)), None)


def _moment(value: object) -> dt.datetime | None:
    try:
        moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else None
        return moment and (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
