"""Incidents, and the mail and the webhook that tell of each."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.alerts.states import UNRESOLVED, UNSENT, Channel, Occasion, Sending, Severity, Status
from onecard.kit.fields import FreeTextField
from onecard.kit.sentences import in_a_sentence


class Incident(models.Model):
    """A condition that somebody has to look at, from when a rule found it until it has been gone for a while."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=40, help_text=gettext_lazy("The rule that found it."))
    key = models.CharField(max_length=120, blank=True, help_text=gettext_lazy("Of what, such as the issuer."))
    severity = models.CharField(max_length=20, choices=Severity)
    status = models.CharField(max_length=20, choices=Status, default=Status.OPEN)
    summary = FreeTextField(max_length=500, help_text=gettext_lazy("What was wrong when it was opened."))
    latest = FreeTextField(max_length=500, help_text=gettext_lazy("What was wrong when it was measured last."))
    page = models.CharField(max_length=300, blank=True, help_text=gettext_lazy("The page of the back office to open."))
    opened_at = models.DateTimeField()
    measured_at = models.DateTimeField(help_text=gettext_lazy("When it was found last."))
    clear_since = models.DateTimeField(null=True, help_text=gettext_lazy("Since when its condition is gone."))
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    note = FreeTextField(max_length=300, blank=True, help_text=gettext_lazy("What whoever acknowledged it wrote."))
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = gettext_lazy("incident")
        permissions = [("acknowledge_incident", "Can acknowledge an incident")]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "key"], condition=Q(status__in=UNRESOLVED), name="one_unresolved_incident_of_a_kind"
            ),
            models.CheckConstraint(
                condition=Q(status=Status.RESOLVED, resolved_at__isnull=False)
                | Q(status__in=UNRESOLVED, resolved_at=None),
                name="resolved_incident_has_a_time",
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at=None, acknowledged_by=None) & ~Q(status=Status.ACKNOWLEDGED)
                | Q(acknowledged_at__isnull=False, acknowledged_by__isnull=False) & ~Q(status=Status.OPEN),
                name="acknowledged_incident_says_by_whom",
            ),
        ]

    def __str__(self) -> str:
        # The rules read models of every app, so they are imported when all are loaded.
        from onecard.alerts.registry import rule_of

        rule = rule_of(self.kind)
        name = str(rule.label) if rule else self.kind
        return f"{name}: {self.key}" if self.key else name


class AlertMessage(models.Model):
    """One mail or webhook about an incident, or to try the way; attempts go on until it is taken (sending.py)."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    incident = models.ForeignKey(
        Incident,
        null=True,
        on_delete=models.PROTECT,
        related_name="messages",
        db_index=False,
        help_text=gettext_lazy("Empty for a test."),
    )
    occasion = models.CharField(max_length=30, choices=Occasion)
    channel = models.CharField(max_length=20, choices=Channel)
    subject = models.CharField(max_length=200, blank=True)
    body = models.TextField(help_text=gettext_lazy("Each attempt sends the same."))
    status = models.CharField(max_length=20, choices=Sending, default=Sending.WAITING)
    failure_message = FreeTextField(max_length=300, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, help_text=gettext_lazy("A worker sends it until then."))
    next_attempt_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        verbose_name = gettext_lazy("message of an incident")
        verbose_name_plural = gettext_lazy("messages of incidents")
        constraints = [
            # It serves the foreign key as well.
            models.UniqueConstraint(fields=["incident", "channel", "occasion"], name="one_alert_message_of_a_kind")
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="alert_message_due", condition=Q(status__in=UNSENT)),
        ]

    def __str__(self) -> str:
        return _("%(channel)s, %(status)s") % {
            "channel": self.get_channel_display(),
            "status": in_a_sentence(self.get_status_display()),
        }
