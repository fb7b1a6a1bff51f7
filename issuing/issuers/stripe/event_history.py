"""What an issuer lists of the past, as the events that our webhook would have stored; pure.

Ids, types and objects come from the very readers that the webhooks use, so that a delivery that did arrive and the
same event found here are one row of the inbox.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from issuing.issuers import errors
from issuing.issuers.base import EventPage, MissedEvent
from issuing.issuers.marqeta.events import row_envelope
from issuing.issuers.pages import names_of, read_each, rows_of
from issuing.issuers.stripe.events import REQUEST, Envelope, parse_envelope
from issuing.issuers.stripe.objects import read_id
from onecard.kit import exact_json

# What news there is about cards, and about the charges of funding cards, which go over the same account. Stripe takes
# at most 20 types, and `issuing_authorization.request` is a question, not news.
STRIPE_TYPES = (
    "issuing_authorization.created",
    "issuing_authorization.updated",
    "issuing_transaction.created",
    "issuing_transaction.updated",
    "issuing_card.created",
    "issuing_card.updated",
    "issuing_cardholder.updated",
    "issuing_dispute.created",
    "issuing_dispute.updated",
    "issuing_dispute.submitted",
    "issuing_dispute.closed",
    "issuing_dispute.funds_reinstated",
    "issuing_dispute.funds_rescinded",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "payment_intent.requires_action",
    "payment_intent.processing",
    "refund.updated",
    "refund.failed",
)
_TRANSACTIONS = "transactions"


def read_stripe_page(body: bytes) -> EventPage:
    """A page of Stripe's list of events; the cursor is its last id. Raises NetworkError for an answer that is none.

    One that cannot be read holds up no other: it is named as unread.
    """
    try:
        listed = exact_json.loads(body)
    except (ValueError, RecursionError):
        raise errors.no_answer() from None
    rows, is_more = rows_of(listed, more="has_more")
    events, unread = read_each(rows, _stripe_event)
    news = tuple(event for event in events if event.event_type != REQUEST)
    return EventPage(news, cursor=read_id(rows[-1]) if is_more else "", unread=names_of(unread, key="id"))


def read_marqeta_page(listed: Mapping[str, Any], *, start: int) -> EventPage:
    """A page of Marqeta's transactions, each as the batch of one that its row would have been stored as.

    The account's own book-keeping is left out. Raises NetworkError for an answer that is no list.
    """
    try:
        rows = list(listed["data"])
        more = listed["is_more"] is True and rows
    except (LookupError, TypeError):
        raise errors.no_answer() from None
    return EventPage(tuple(_marqeta_events(rows)), cursor=str(start + len(rows)) if more else "")


def _stripe_event(row: Any) -> MissedEvent:
    body = exact_json.dumps(row).encode()
    return _missed(parse_envelope(body), body, dt.datetime.fromtimestamp(int(row["created"]), dt.UTC))


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
            yield replace(_missed(envelope, body, _happened_at(row)), told_as=_told_as(envelope.id))


def _told_as(event_id: str) -> tuple[str, ...]:
    """A hold that is used up changes its state from pending to cleared, and nobody is told: it is no other news."""
    told, _, state = event_id.rpartition(":")
    return (f"{told}:PENDING",) if state == "CLEARED" else ()


def _happened_at(row: Mapping[str, Any]) -> dt.datetime:
    """When it happened; a row that does not say is taken for old, so that it is never passed over."""
    try:
        moment = dt.datetime.fromisoformat(row.get("user_transaction_time") or row["created_time"])
    except (LookupError, TypeError, ValueError):
        return dt.datetime.fromtimestamp(0, dt.UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _missed(envelope: Envelope, body: bytes, created_at: dt.datetime) -> MissedEvent:
    return MissedEvent(envelope.id, envelope.type, envelope.object_id, created_at, body)
