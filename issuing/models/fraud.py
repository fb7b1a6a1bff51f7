"""What fraud hooks said about purchases, as far as it asks for attention, and how often each was asked."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.models.authorizations import Decision
from issuing.models.cards import VirtualCard
from onecard.kit.fields import FreeTextField
from wallet.models import Case


class FraudVerdict(models.Model):
    """A verdict of a hook that flags or declines, or why there is none. Added once with its decision, never changed.

    That a hook allowed a purchase is in the decision's trace alone. Verdicts are ours: no raw signal of an issuer is
    kept here.
    """

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="fraud_verdicts", db_index=False)
    card = models.ForeignKey(VirtualCard, on_delete=models.PROTECT, related_name="fraud_verdicts", db_index=False)
    hook = models.CharField(max_length=60)
    outcome = models.CharField(max_length=20, choices=states.HookOutcome.choices)
    score = models.PositiveSmallIntegerField(default=0, help_text=gettext_lazy("From 0 to 100."))
    reason = FreeTextField(max_length=200, blank=True)
    took_ms = models.PositiveIntegerField(default=0)
    case = models.ForeignKey(
        Case, null=True, blank=True, on_delete=models.PROTECT, related_name="fraud_verdicts", db_index=False
    )
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["decision", "hook"], name="one_verdict_of_a_hook"),
            models.CheckConstraint(condition=Q(score__lte=100), name="fraud_score_in_bounds"),
        ]
        indexes = [
            models.Index(fields=["case"], name="verdict_of_case", condition=Q(case__isnull=False)),
            models.Index(fields=["decided_at", "hook"], name="verdict_in_time"),
        ]

    def __str__(self) -> str:
        return f"{self.hook}: {self.get_outcome_display()}"


class HookHour(models.Model):
    """How often a hook was asked about the purchases that began in one hour (UTC), by what came of it."""

    hour_at = models.DateTimeField(help_text="The hour's first moment.")
    hook = models.CharField(max_length=60)
    outcome = models.CharField(max_length=20, choices=states.HookOutcome.choices)
    calls = models.PositiveIntegerField()
    took_us = models.BigIntegerField(help_text="Microseconds of all these calls together.")

    class Meta:
        ordering = ["hour_at", "hook", "outcome"]
        constraints = [models.UniqueConstraint(fields=["hour_at", "hook", "outcome"], name="one_count_of_a_hook")]

    def __str__(self) -> str:
        return f"{self.hour_at:%Y-%m-%d %H}:00 {self.hook} {self.outcome}"
