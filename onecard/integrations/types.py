"""The types of events that a webhook endpoint can get. They are a part of the API, so they never change."""

from typing import Final

from django.db import models


class EventType(models.TextChoices):
    """A type of event; each is a kind of notice (onecard/notices/kinds.py), except the one that tests an endpoint."""

    PURCHASE_APPROVED = "purchase.approved", "Purchase approved"
    PURCHASE_DECLINED = "purchase.declined", "Purchase declined"
    CHARGED_ELSEWHERE = "purchase.charged_elsewhere", "Another card was charged"
    UNPAID = "purchase.unpaid", "Purchase not paid yet"
    REFUND_SENT = "refund.sent", "Refund sent to a card"
    CARD_FROZEN = "card.frozen", "Card frozen"
    CARD_READY = "card.ready", "Card ready to use"
    CARD_CLOSED = "card.closed", "Card closed"
    DISPUTE_MOVED = "dispute.moved", "Dispute moved"
    KYC_CHANGED = "kyc.changed", "Identity check changed"
    NEW_DEVICE = "login.new_device", "New device"
    LOGIN_CHANGED = "login.changed", "Login changed"
    ENDPOINT_OFF = "webhook_endpoint.switched_off", "Webhook endpoint switched off"
    TEST = "webhook_endpoint.test", "Test of an endpoint"


# An endpoint that wants it gets every type, also those that are added later.
EVERY: Final = "*"
WANTED: Final = (EVERY, *(each.value for each in EventType if each != EventType.TEST))


def is_wanted(wanted: list[str], event_type: str) -> bool:
    """Returns whether an endpoint that wants these types gets this one."""
    return EVERY in wanted or event_type in wanted
