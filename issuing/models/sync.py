"""Comparing our cards and transactions with the issuer's: the run, how far it came, and what differed."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.models.cards import Provider, VirtualCard
from onecard.kit import display
from onecard.kit.fields import FreeTextField


class SyncRun(models.Model):
    """One comparison with an issuer; its stage and cursor are committed with each page: a death costs one page."""

    provider = models.CharField(max_length=20, choices=Provider.choices)
    status = models.CharField(max_length=20, choices=states.Sync.choices, default=states.Sync.RUNNING)
    stage = models.CharField(max_length=20, choices=states.SyncStage.choices, default=states.SyncStage.EVENTS)
    cursor = models.CharField(
        max_length=200, blank=True, help_text=gettext_lazy("Where the stage goes on; empty at its beginning.")
    )
    since = models.DateTimeField(help_text=gettext_lazy("Events and transactions from here on are compared."))
    until = models.DateTimeField(help_text=gettext_lazy("Where the next run begins."))
    requested_by = models.CharField(max_length=80)
    cards_seen = models.PositiveIntegerField(default=0)
    transactions_seen = models.PositiveIntegerField(default=0)
    events_seen = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)
    problem = FreeTextField(
        max_length=300, blank=True, default="", db_default="", help_text="Why it stopped last; it goes on by itself."
    )
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider"], condition=Q(status="running"), name="one_running_sync_per_provider"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_provider_display()} {display.moment(self.started_at)}"


class SyncDifference(models.Model):
    """Something that an issuer and we do not agree on, and what the rule made of it."""

    class Kind(models.TextChoices):
        MISSED_EVENT = "missed_event", gettext_lazy("Event never delivered")
        MISSED_TRANSACTION = "missed_transaction", gettext_lazy("Transaction never reported")
        TRANSACTION = "transaction", gettext_lazy("Transaction differs")
        STATUS = "status", gettext_lazy("Card status")
        LIMITS = "limits", gettext_lazy("Card limits")
        DETAILS = "details", gettext_lazy("Card details")
        UNKNOWN_THERE = "unknown_there", gettext_lazy("Card unknown to the issuer")
        UNKNOWN_HERE = "unknown_here", gettext_lazy("Card unknown here")

    class Resolution(models.TextChoices):
        TAKEN_OVER = "taken_over", gettext_lazy("Taken over from the issuer")
        PUSHED = "pushed", gettext_lazy("Sent to the issuer again")
        OPEN = "open", gettext_lazy("Left for a person")

    run = models.ForeignKey(SyncRun, null=True, blank=True, on_delete=models.PROTECT, related_name="differences")
    provider = models.CharField(max_length=20, choices=Provider.choices)
    kind = models.CharField(max_length=30, choices=Kind.choices)
    card = models.ForeignKey(
        VirtualCard, null=True, blank=True, on_delete=models.PROTECT, related_name="differences", db_index=False
    )
    reference = models.CharField(max_length=120, help_text=gettext_lazy("The issuer's id of what differs."))
    ours = FreeTextField(max_length=200, blank=True)
    theirs = FreeTextField(max_length=200, blank=True)
    resolution = models.CharField(max_length=20, choices=Resolution.choices)
    found_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.reference}"
