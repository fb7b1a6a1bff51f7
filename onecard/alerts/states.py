"""The states of an incident and of its messages, and the legal moves (money-safety I10)."""

from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy


class Severity(models.TextChoices):
    """How soon somebody has to look."""

    CRITICAL = "critical", gettext_lazy("Critical")  # Money or purchases are at stake now.
    WARNING = "warning", gettext_lazy("Warning")  # It will become critical, or a few are hit.


class Status(models.TextChoices):
    """Where an incident stands."""

    OPEN = "open", gettext_lazy("Open")
    ACKNOWLEDGED = "acknowledged", gettext_lazy("Acknowledged")  # Somebody works on it.
    RESOLVED = "resolved", gettext_lazy("Resolved")  # Its condition has been gone for a while.


MOVES: Final[dict[str, frozenset[str]]] = {
    Status.OPEN: frozenset({Status.ACKNOWLEDGED, Status.RESOLVED}),
    Status.ACKNOWLEDGED: frozenset({Status.RESOLVED}),
    Status.RESOLVED: frozenset(),
}
UNRESOLVED: Final = (Status.OPEN, Status.ACKNOWLEDGED)


class Occasion(models.TextChoices):
    """What a message is sent for."""

    OPENED = "incident.opened", gettext_lazy("Opened")
    RESOLVED = "incident.resolved", gettext_lazy("Resolved")
    TEST = "alerts.test", gettext_lazy("Test")


class Channel(models.TextChoices):
    """Which way a message goes."""

    MAIL = "mail", gettext_lazy("Mail")
    WEBHOOK = "webhook", gettext_lazy("Webhook")


class Sending(models.TextChoices):
    """Where a message stands. After a failure it waits again (onecard/kit/attempts.py)."""

    WAITING = "waiting", gettext_lazy("Waits")
    SENDING = "sending", gettext_lazy("Being sent")
    SENT = "sent", gettext_lazy("Sent")
    GIVEN_UP = "given_up", gettext_lazy("Given up")


UNSENT: Final = (Sending.WAITING, Sending.SENDING)
