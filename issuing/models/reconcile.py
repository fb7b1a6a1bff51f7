"""A reconciliation: who asked for it, how far it came, what it found, and each difference with its case."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from issuing import states
from onecard.kit import display
from onecard.kit.fields import FreeTextField
from wallet.models import Case


class ReconcileRun(models.Model):
    """One comparison of issuers, processor and our books; at most one is open. It begins anew when its worker dies.

    `comparisons` of them are to be made, and `compared` were. The counts are those of issuing/reconcile/run.py.
    """

    status = models.CharField(
        max_length=20, choices=states.Reconciliation.choices, default=states.Reconciliation.RUNNING
    )
    requested_by = models.CharField(max_length=80)
    since = models.DateTimeField(null=True, blank=True, help_text=_("Movements from here on are compared."))
    until = models.DateTimeField(null=True, blank=True, help_text=_("Movements before this are compared."))
    now_comparing = models.CharField(max_length=60, blank=True, help_text=_("The comparison that is under way."))
    comparisons = models.PositiveIntegerField(default=0)
    compared = models.PositiveIntegerField(default=0)
    rows_listed = models.PositiveBigIntegerField(default=0, help_text=_("Rows that issuers and processor listed."))
    found = models.PositiveIntegerField(default=0, help_text=_("All differences."))
    left = models.PositiveIntegerField(default=0, help_text=_("Differences that wait for a person."))
    settled = models.PositiveIntegerField(default=0, help_text=_("Differences that staff settled before."))
    without_case = models.PositiveIntegerField(default=0, help_text=_("So many have one cause; look for it first."))
    resolved = models.PositiveIntegerField(default=0, help_text=_("Cases whose difference is gone."))
    older = models.PositiveIntegerField(default=0, help_text=_("Open cases about movements before the window."))
    repaired = models.PositiveIntegerField(default=0, help_text=_("Differences that `--fix` repaired."))
    provider = models.CharField(
        max_length=20, blank=True, help_text=_("The only issuer or processor that was compared; empty for all.")
    )
    is_by_command = models.BooleanField(default=False, help_text=_("`manage.py reconcile` carries it out."))
    is_whole = models.BooleanField(default=True, help_text=_("It compares all that the night does."))
    starts = models.PositiveSmallIntegerField(default=0, help_text=_("How often a worker began with it."))
    problem = FreeTextField(max_length=300, blank=True, help_text=_("Why it failed."))
    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name = _("reconciliation")
        verbose_name_plural = _("reconciliations")
        constraints = [
            models.UniqueConstraint(fields=["status"], condition=Q(status="running"), name="one_running_reconciliation")
        ]

    def __str__(self) -> str:
        return display.moment(self.requested_at)


class ReconcileFinding(models.Model):
    """A difference that one run found, with its case; and what became of it by the end of that run."""

    class Kind(models.TextChoices):
        MISSING_HERE = "missing_here", _("Missing here")
        MISSING_THERE = "missing_there", _("Missing there")
        AMOUNT = "amount", _("Another amount")
        CURRENCY = "currency", _("Another currency")
        STATE = "state", _("Another state")
        DUPLICATE = "duplicate", _("Twice")
        UNKNOWN_OUTCOME = "unknown_outcome", _("Unknown outcome")

    class Result(models.TextChoices):
        LEFT = "left", _("Waits for a person")
        SETTLED = "settled", _("Settled by staff before")

    run = models.ForeignKey(ReconcileRun, on_delete=models.CASCADE, related_name="findings")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="+", db_index=False)
    comparison = models.CharField(max_length=60)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    words = FreeTextField(max_length=400, help_text=_("What differs, in a sentence."))
    result = models.CharField(max_length=20, choices=Result.choices)
    happened_at = models.DateTimeField(help_text=_("When the money moved."))

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.words


class NotCompared(models.Model):
    """A comparison that a run could not make, and why: nothing is concluded about it."""

    run = models.ForeignKey(ReconcileRun, on_delete=models.CASCADE, related_name="not_compared")
    comparison = models.CharField(max_length=60)
    reason = FreeTextField(max_length=300)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.comparison}: {self.reason}"
