"""What people hear of, and how they may choose to hear of it."""

from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy

from onecard.integrations.types import EventType


class Kind(models.TextChoices):
    """A kind of notice; the label is the notice's title."""

    PURCHASE_APPROVED = "purchase_approved", gettext_lazy("Purchase approved")
    PURCHASE_DECLINED = "purchase_declined", gettext_lazy("Purchase declined")
    CHARGED_ELSEWHERE = "charged_elsewhere", gettext_lazy("Another card was charged")
    UNPAID = "unpaid", gettext_lazy("Purchase not paid yet")
    REFUND_ARRIVED = "refund_arrived", gettext_lazy("Refund sent to your card")
    CARD_FROZEN = "card_frozen", gettext_lazy("Card frozen")
    CARD_UNFROZEN = "card_unfrozen", gettext_lazy("Card ready to use")
    CARD_CLOSED = "card_closed", gettext_lazy("Card closed")
    DISPUTE_MOVED = "dispute_moved", gettext_lazy("News of your dispute")
    KYC_CHANGED = "kyc_changed", gettext_lazy("Your identity check")
    NEW_DEVICE = "new_device", gettext_lazy("New device")
    LOGIN_CHANGED = "login_changed", gettext_lazy("Your login was changed")
    WEBHOOK_OFF = "webhook_off", gettext_lazy("Webhook endpoint switched off")
    MONTHLY_REPORT = "monthly_report", gettext_lazy("Your monthly report")


class Channel(models.TextChoices):
    """Where a notice goes."""

    OFF = "off", gettext_lazy("Nowhere")
    FEED = "feed", gettext_lazy("The feed only")
    EMAIL = "email", gettext_lazy("The feed and an e-mail")


# What holds until the person chooses.
DEFAULTS: Final[dict[str, Channel]] = {
    Kind.PURCHASE_APPROVED: Channel.FEED,
    Kind.PURCHASE_DECLINED: Channel.EMAIL,
    Kind.CHARGED_ELSEWHERE: Channel.FEED,
    Kind.UNPAID: Channel.EMAIL,
    Kind.REFUND_ARRIVED: Channel.FEED,
    Kind.CARD_FROZEN: Channel.EMAIL,
    Kind.CARD_UNFROZEN: Channel.FEED,
    Kind.CARD_CLOSED: Channel.EMAIL,
    Kind.DISPUTE_MOVED: Channel.EMAIL,
    Kind.KYC_CHANGED: Channel.EMAIL,
    Kind.NEW_DEVICE: Channel.EMAIL,
    Kind.LOGIN_CHANGED: Channel.EMAIL,
    Kind.WEBHOOK_OFF: Channel.EMAIL,
    Kind.MONTHLY_REPORT: Channel.EMAIL,
}
# As what the webhook endpoints of the person hear of it.
EVENTS: Final[dict[str, EventType]] = {
    Kind.PURCHASE_APPROVED: EventType.PURCHASE_APPROVED,
    Kind.PURCHASE_DECLINED: EventType.PURCHASE_DECLINED,
    Kind.CHARGED_ELSEWHERE: EventType.CHARGED_ELSEWHERE,
    Kind.UNPAID: EventType.UNPAID,
    Kind.REFUND_ARRIVED: EventType.REFUND_SENT,
    Kind.CARD_FROZEN: EventType.CARD_FROZEN,
    Kind.CARD_UNFROZEN: EventType.CARD_READY,
    Kind.CARD_CLOSED: EventType.CARD_CLOSED,
    Kind.DISPUTE_MOVED: EventType.DISPUTE_MOVED,
    Kind.KYC_CHANGED: EventType.KYC_CHANGED,
    Kind.NEW_DEVICE: EventType.NEW_DEVICE,
    Kind.LOGIN_CHANGED: EventType.LOGIN_CHANGED,
    Kind.WEBHOOK_OFF: EventType.ENDPOINT_OFF,
    Kind.MONTHLY_REPORT: EventType.MONTHLY_REPORT,
}
# Another part of the product mails about these at once: wallet/receivable_notice.py and second_factor/login_mails.py.
MAILED_ELSEWHERE: Final = frozenset({Kind.UNPAID, Kind.NEW_DEVICE, Kind.LOGIN_CHANGED})
# What a person must be able to read afterwards, whatever they chose.
ALWAYS_IN_FEED: Final = frozenset({Kind.CARD_FROZEN, Kind.CARD_CLOSED, Kind.KYC_CHANGED})


def channels_of(kind: str) -> tuple[Channel, ...]:
    """Returns what a person may choose for a kind; security and unpaid purchases are always mailed."""
    if kind in MAILED_ELSEWHERE:
        return (Channel.EMAIL,)
    return (Channel.FEED, Channel.EMAIL) if kind in ALWAYS_IN_FEED else (Channel.OFF, Channel.FEED, Channel.EMAIL)
