"""Marqeta's list of past transactions, as the events that our webhook would have stored; pure.

Ids, types and objects come from the very reader that the webhook uses, so that a delivery that did arrive and the
same message found here are one row of the inbox.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from issuing.issuers import errors
from issuing.issuers.base import EventPage, MissedEvent, missed
from issuing.issuers.marqeta.events import row_envelope
from issuing.issuers.marqeta.timestamps import happened_at
from onecard.kit import exact_json

_TRANSACTIONS = "transactions"
# A row without a time is read as old, so that it is never passed over.
LONG_AGO = dt.datetime.fromtimestamp(0, dt.UTC)


def read_marqeta_page(listed: Mapping[str, Any], *, start: int) -> EventPage:
    """Returns a page of Marqeta's transactions as events; each has the body that the webhook would have stored.

    The account's own entries are left out. Raises NetworkError for an answer that is no list.
    """
    try:
        rows = list(listed["data"])
        more = listed["is_more"] is True and rows
    except (LookupError, TypeError):
        raise errors.no_answer() from None
    return EventPage(tuple(_marqeta_events(rows)), cursor=str(start + len(rows)) if more else "")


def _marqeta_events(rows: list[Any]) -> Iterator[MissedEvent]:
    for row in rows:
        try:
            body = exact_json.dumps({_TRANSACTIONS: [row]}).encode()
        except RecursionError:
            # The webhook keeps such a row as rejected; here one more cannot hold up the others.
            continue
        envelope = row_envelope(_TRANSACTIONS, row, body)
        # `gpa.…` are twins of the merchant's messages, on which nothing is ever done
        # (docs/issuers/marqeta.md, Transaction types).
        if envelope is not None and not envelope.type.startswith("transaction.gpa."):
            yield replace(missed(envelope, body, happened_at(row) or LONG_AGO), earlier_ids=_earlier_ids(envelope.id))


def _earlier_ids(event_id: str) -> tuple[str, ...]:
    """Returns the id under which a cleared movement was reported while it was pending.

    Marqeta sends no message when a hold that is used up goes from PENDING to CLEARED, so both ids mean one event.
    """
    movement_id, _, state = event_id.rpartition(":")
    return (f"{movement_id}:PENDING",) if state == "CLEARED" else ()
