"""The types of events that a webhook endpoint can get. They are a part of the API, so they never change."""

from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy


class EventType(models.TextChoices):
    """A type of event; each is a kind of notice (onecard/notices/kinds.py), except the one that tests an endpoint."""

    PURCHASE_APPROVED = "purchase.approved", gettext_lazy("Purchase approved")
    PURCHASE_DECLINED = "purchase.declined", gettext_lazy("Purchase declined")
    CHARGED_ELSEWHERE = "purchase.charged_elsewhere", gettext_lazy("Another card was charged")
    UNPAID = "purchase.unpaid", gettext_lazy("Purchase not paid yet")
    REFUND_SENT = "refund.sent", gettext_lazy("Refund sent to a card")
    CARD_FROZEN = "card.frozen", gettext_lazy("Card frozen")
    CARD_READY = "card.ready", gettext_lazy("Card ready to use")
    CARD_CLOSED = "card.closed", gettext_lazy("Card closed")
    DISPUTE_MOVED = "dispute.moved", gettext_lazy("Dispute moved")
    KYC_CHANGED = "kyc.changed", gettext_lazy("Identity check changed")
    NEW_DEVICE = "login.new_device", gettext_lazy("New device")
    LOGIN_CHANGED = "login.changed", gettext_lazy("Login changed")
    ENDPOINT_OFF = "webhook_endpoint.switched_off", gettext_lazy("Webhook endpoint switched off")
    MONTHLY_REPORT = "report.monthly", gettext_lazy("Monthly report")
    TEST = "webhook_endpoint.test", gettext_lazy("Test of an endpoint")


# An endpoint that wants it gets every type, also those that are added later.
EVERY: Final = "*"
WANTED: Final = (EVERY, *(each.value for each in EventType if each != EventType.TEST))


def is_wanted(wanted: list[str], event_type: str) -> bool:
    """Returns whether an endpoint that wants these types gets this one."""
    return EVERY in wanted or event_type in wanted
