"""What a control would have done: stored purchases, judged again in order with counters in memory."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from issuing.models.controls import ControlVersion
from onecard.kit.fields import FreeJsonField, FreeTextField


class ControlPreview(models.Model):
    """One run over the purchases of the last days, the oldest first; a worker goes on from `cursor` until the end.

    `tried` is what was tried: the definition, what it is for and whom it leaves out, as they were. `days_found` has a
    line for each day in UTC and currency: {"2026-11-29": {"USD": [hits, amount_minor, changed]}}.
    """

    class Status(models.TextChoices):
        RUNNING = "running", _("Running")
        FINISHED = "finished", _("Finished")
        OUTDATED = "outdated", _("Ended, because the control was changed")

    version = models.ForeignKey(ControlVersion, on_delete=models.PROTECT, related_name="previews", db_index=False)
    tried = FreeJsonField()
    days = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RUNNING)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    since = models.DateTimeField()
    until = models.DateTimeField()
    cursor = models.BigIntegerField(null=True, blank=True, help_text=_("The newest decision that was looked at."))
    reached_at = models.DateTimeField(null=True, blank=True, help_text=_("When that decision was made."))
    counters = models.JSONField(default=dict, help_text=_("What the control has counted by then."))
    looked_at = models.PositiveIntegerField(default=0)
    unreadable = models.PositiveIntegerField(default=0)
    hits = models.PositiveIntegerField(default=0)
    newly_declined = models.PositiveIntegerField(default=0)
    newly_approved = models.PositiveIntegerField(default=0)
    is_cut = models.BooleanField(default=False, help_text=_("There were more decisions than one run looks at."))
    days_found = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    worked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["version", "-id"], name="previews_of_control")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="running", finished_at__isnull=True)
                | ~Q(status="running") & Q(finished_at__isnull=False),
                name="control_preview_ends_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version}"


class ControlPreviewHit(models.Model):
    """A purchase on which the control would have taken its action, or that it would have let through."""

    class Effect(models.TextChoices):
        DECLINED = "declined", _("Approved then, declined with the control")
        STILL_DECLINED = "still_declined", _("Declined then and with the control")
        APPROVED = "approved", _("Declined then by this control, approved with it as it is now")
        FLAGGED = "flagged", _("Approved, and a case opens")
        HELD_MORE = "held_more", _("Approved, and more is held")
        IN_PART = "in_part", _("Approved in part")

    preview = models.ForeignKey(ControlPreview, on_delete=models.CASCADE, related_name="found", db_index=False)
    decision_id = models.BigIntegerField()
    reference = models.CharField(max_length=40)
    merchant_name = FreeTextField(max_length=120, blank=True)
    mcc = models.CharField(max_length=4)
    decided_at = models.DateTimeField()
    effect = models.CharField(max_length=20, choices=Effect.choices)
    amount_minor = models.BigIntegerField()
    becomes_minor = models.BigIntegerField(help_text=_("Of a part, what is approved; with head-room, what is held."))
    currency = models.CharField(max_length=3)

    class Meta:
        ordering = ["-decided_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["preview", "decision_id"], name="one_hit_per_control_preview")]

    def __str__(self) -> str:
        return self.reference
