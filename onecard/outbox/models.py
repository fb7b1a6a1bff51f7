"""Messages that must go out once their commit is durable."""

from typing import Any, Final

from django.db import models
from django.utils.translation import gettext_lazy

# The key of the payload for the ids of the request or event that caused a message, for the log alone.
CAUSED_BY: Final = "caused_by"


class Message(models.Model):
    """One message for its subscribers, written in the commit of its cause and published by the relay."""

    topic = models.CharField(max_length=60)
    payload = models.JSONField(
        help_text=gettext_lazy("Ids only: the subscriber reads the truth again from the database.")
    )
    created_at = models.DateTimeField()
    claimed_until = models.DateTimeField(
        null=True, blank=True, help_text=gettext_lazy("A relay holds the message until then.")
    )
    published_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        # An unsent flag and not the last published id: a slow transaction's message would be skipped for ever
        # (money-safety T7).
        indexes = [models.Index(fields=["id"], name="outbox_unsent", condition=models.Q(published_at__isnull=True))]

    def __str__(self) -> str:
        return f"{self.topic} {self.arguments}"

    @property
    def arguments(self) -> dict[str, Any]:
        """What the subscribers' tasks are given."""
        return {name: value for name, value in self.payload.items() if name != CAUSED_BY}

    @property
    def caused_by(self) -> dict[str, Any]:
        """The ids of what caused it, which the tasks' log lines carry."""
        found = self.payload.get(CAUSED_BY)
        return found if isinstance(found, dict) else {}
