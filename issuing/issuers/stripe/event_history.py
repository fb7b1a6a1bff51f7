"""What an issuer lists of the past, as the events that our webhook would have stored; pure.

Ids, types and objects come from the very readers that the webhooks use, so that a delivery that did arrive and the
same event found here are one row of the inbox.
"""

import datetime as dt
from typing import Any

from issuing.issuers import errors
from issuing.issuers.base import EventPage, MissedEvent, missed
from issuing.issuers.pages import names_of, read_each, rows_of
from issuing.issuers.stripe.events import REQUEST, parse_envelope
from issuing.issuers.stripe.objects import read_id
from onecard.kit import exact_json

# The event types about cards, and about the charges of funding cards, which go over the same account. Stripe's list of
# events takes at most 20 types. `issuing_authorization.request` asks for a decision and reports nothing.
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


def read_stripe_page(body: bytes) -> EventPage:
    """Returns a page of Stripe's list of events; the cursor is its last id.

    Raises NetworkError for an answer that is none.

    One that cannot be read holds up no other: it is named as unread.
    """
    try:
        listed = exact_json.loads(body)
    except (ValueError, RecursionError):
        raise errors.no_answer() from None
    rows, is_more = rows_of(listed, more="has_more")
    events, unread = read_each(rows, _stripe_event)
    updates = tuple(event for event in events if event.event_type != REQUEST)
    return EventPage(updates, cursor=read_id(rows[-1]) if is_more else "", unread=names_of(unread, key="id"))


def _stripe_event(row: Any) -> MissedEvent:
    body = exact_json.dumps(row).encode()
    return missed(parse_envelope(body), body, dt.datetime.fromtimestamp(int(row["created"]), dt.UTC))
