"""Sums of each hour, counted by a task, so that charts read no long table. They can be deleted and counted again."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from issuing.models.cards import Provider
from onecard.kit.fields import FreeTextField


class PurchaseHour(models.Model):
    """Purchases that began in one hour (UTC) with the same end: how many, and for how much."""

    class Outcome(models.TextChoices):
        APPROVED = "approved", _("Approved")
        DECLINED = "declined", _("Declined by us")
        DECLINED_BY_ISSUER = "declined_by_issuer", _("Declined by the issuer")

    hour_at = models.DateTimeField(help_text="The hour's first moment.")
    provider = models.CharField(max_length=20, choices=Provider.choices)
    currency = models.CharField(max_length=3)
    outcome = models.CharField(max_length=20, choices=Outcome.choices)
    reason = FreeTextField(max_length=40, blank=True, help_text="Our code or the issuer's word; empty for approved.")
    purchases = models.PositiveIntegerField()
    amount_minor = models.BigIntegerField(help_text="What was approved, or asked for.")

    class Meta:
        ordering = ["hour_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["hour_at", "provider", "currency", "outcome", "reason"], name="one_sum_of_a_kind_in_an_hour"
            )
        ]

    def __str__(self) -> str:
        return f"{self.hour_at:%Y-%m-%d %H}:00 {self.outcome} {self.reason}"


class DecisionHour(models.Model):
    """How long our answers of one hour took; there is a row for each hour that was counted, also for a quiet one.

    `buckets` counts the answers by their time: bucket n has those up to BUCKET_RATIO ** n milliseconds.
    """

    hour_at = models.DateTimeField(unique=True, help_text="The hour's first moment.")
    decisions = models.PositiveIntegerField()
    late = models.PositiveIntegerField(help_text="Later than the issuer waits.")
    buckets = models.JSONField()
    counted_at = models.DateTimeField(help_text="What came later is not in it yet.")

    class Meta:
        ordering = ["hour_at"]

    def __str__(self) -> str:
        return f"{self.hour_at:%Y-%m-%d %H}:00"
