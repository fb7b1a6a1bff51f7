"""Movements of money at either issuer, delivered to its webhook and handled."""

import datetime as dt
from typing import Any

from issuing.clearing import card_transactions
from issuing.handlers import dispatch
from issuing.issuers.base import IssuerTransaction
from issuing.models import IssuerEvent
from tests.support import marqeta_events, stripe_events

NOON = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)


def posted(asked: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A posting of Stripe on the purchase of a question: money out is negative there."""
    purchase = asked["data"]["object"]
    content = {
        "id": stripe_events.unique("ipi"),
        "object": "issuing.transaction",
        "type": "capture",
        "amount": -4500,
        "currency": "usd",
        "authorization": purchase["id"],
        "card": purchase["card"]["id"],
        "created": int(NOON.timestamp()),
        "merchant_data": purchase["merchant_data"],
        "network_data": {"authorization_code": "S604418"},
    }
    return stripe_events.event("issuing_transaction.created", content | changes)


def refund(asked: dict[str, Any], *, amount: Any = None) -> dict[str, Any]:
    """A refund of Marqeta: it names no earlier message."""
    row = marqeta_events.later(asked, "refund", amount=amount, method="pgfs.refund")
    del row["preceding_related_transaction_token"]
    return row


def deliver(event: dict[str, Any]) -> str:
    assert stripe_events.post(event).json() == {"received": True}
    return dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk)


def report(*rows: dict[str, Any], key: str = "transactions") -> None:
    assert marqeta_events.report({key: list(rows)}).status_code == 200
    for event in IssuerEvent.objects.filter(status="received").order_by("id"):
        dispatch.handle(event_pk=event.pk)


def record_movement(found: IssuerTransaction, *, provider: str, source: str, **more: Any) -> bool:
    """Keeps a movement as the hourly comparison does: under the lock of what it names; True if it is new."""
    with card_transactions.locked(found, provider=provider):
        return card_transactions.record(found, provider=provider, source=source, **more)
