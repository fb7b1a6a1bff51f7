"""Webhook endpoints of people, the events that their endpoints are told of, and each delivery."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.integrations.types import EventType
from onecard.kit.fields import FreeTextField
from onecard.kit.sentences import in_a_sentence


class Endpoint(models.Model):
    """An address that a person has their own events sent to. A deleted one stays, since deliveries may name it."""

    class OffBy(models.TextChoices):
        NOBODY = "", gettext_lazy("Nobody")
        HOLDER = "holder", gettext_lazy("Its owner")
        STAFF = "staff", gettext_lazy("One Card's staff")
        FAILURES = "failures", gettext_lazy("Its own failures")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    request_id = models.UUIDField(unique=True, editable=False, help_text=gettext_lazy("The request that made it."))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    url = models.CharField(max_length=500)
    description = FreeTextField(max_length=200, blank=True)
    events = ArrayField(
        models.CharField(max_length=40), help_text=gettext_lazy("The types that it is told of; * is all.")
    )
    off_by = models.CharField(max_length=20, choices=OffBy, blank=True, default=OffBy.NOBODY)
    deleted_at = models.DateTimeField(null=True)
    sealed_secret = models.TextField()
    sealed_old_secret = models.TextField(
        blank=True, help_text=gettext_lazy("Signs as well for a day after a rotation.")
    )
    old_secret_until = models.DateTimeField(null=True)
    rotation_id = models.UUIDField(null=True, help_text=gettext_lazy("The request that made the present secret."))
    failing_since = models.DateTimeField(null=True, help_text=gettext_lazy("Nothing but failures since then."))
    paused_until = models.DateTimeField(null=True, help_text=gettext_lazy("After a failure, nothing is sent before."))
    busy_until = models.DateTimeField(
        null=True, help_text=gettext_lazy("A delivery is on its way, at the latest until then.")
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name = gettext_lazy("webhook endpoint")

    def __str__(self) -> str:
        return _("Webhook endpoint %(public_id)s") % {"public_id": self.public_id}

    @property
    def is_on(self) -> bool:
        return self.off_by == self.OffBy.NOBODY and self.deleted_at is None


class Event(models.Model):
    """Something that a person with an endpoint hears of, written in the transaction of its cause."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    type = models.CharField(max_length=40, choices=EventType)
    notification = models.JSONField(default=dict, help_text=gettext_lazy("What the feed says of it."))
    body = models.TextField(blank=True, help_text=gettext_lazy("As it was first sent; each repeat sends the same."))
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["user", "id"], name="webhook_events_of_person")]

    def __str__(self) -> str:
        return f"{self.type} {self.public_id}"


class Delivery(models.Model):
    """One event for one endpoint; attempts go on until the endpoint takes it or three days have passed."""

    class Status(models.TextChoices):
        WAITING = "waiting", gettext_lazy("Waits")
        SENDING = "sending", gettext_lazy("Being sent")
        DELIVERED = "delivered", gettext_lazy("Delivered")
        GIVEN_UP = "given_up", gettext_lazy("Given up")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    status = models.CharField(max_length=20, choices=Status, default=Status.WAITING)
    began_at = models.DateTimeField(
        help_text=gettext_lazy("Attempts go on for three days from then; a replay begins anew.")
    )
    attempts = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, help_text=gettext_lazy("A worker sends it until then."))
    next_attempt_at = models.DateTimeField(null=True)
    status_code = models.PositiveSmallIntegerField(null=True, help_text=gettext_lazy("Of the last answer."))
    answer = FreeTextField(
        max_length=1024, blank=True, lines=True, help_text=gettext_lazy("The beginning of the last answer.")
    )
    failure_message = FreeTextField(max_length=300, blank=True)
    took_ms = models.PositiveIntegerField(null=True)
    delivered_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name = gettext_lazy("webhook delivery")
        verbose_name_plural = gettext_lazy("webhook deliveries")
        constraints = [models.UniqueConstraint(fields=["endpoint", "event"], name="one_delivery_of_an_event")]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="webhook_deliveries_due",
                condition=Q(status__in=["waiting", "sending"]),
            )
        ]

    def __str__(self) -> str:
        return _("Delivery %(public_id)s, %(status)s") % {
            "public_id": self.public_id,
            "status": in_a_sentence(self.get_status_display()),
        }
