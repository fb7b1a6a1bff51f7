"""What a draft of rankings would have changed: stored decisions, made again without and with the draft."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from onecard.kit.fields import FreeTextField
from routing.models.drafts import RankingDraft


class RankingPreview(models.Model):
    """One run over the decisions of the last days; a worker goes on with it from `cursor` until it is finished.

    `sums` holds the reward of the changed purchases at face value, in millionths of the currency unit:
    {"USD": {"now_micro": 1, "draft_micro": 2}}.
    """

    class Status(models.TextChoices):
        RUNNING = "running", _("Running")
        FINISHED = "finished", _("Finished")
        OUTDATED = "outdated", _("Ended, because the draft was changed")

    draft = models.ForeignKey(RankingDraft, on_delete=models.CASCADE, related_name="previews", db_index=False)
    draft_version = models.BigIntegerField()
    days = models.PositiveSmallIntegerField()
    as_on = models.DateField(null=True, blank=True, help_text=_("Decided as on this day; empty: each on its own."))
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RUNNING)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    since = models.DateTimeField()
    until = models.DateTimeField()
    cursor = models.BigIntegerField(null=True, blank=True, help_text=_("The oldest decision that was looked at."))
    reached_at = models.DateTimeField(null=True, blank=True, help_text=_("When that decision was made."))
    looked_at = models.PositiveIntegerField(default=0)
    decided_again = models.PositiveIntegerField(default=0)
    unreadable = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0, help_text=_("Purchases that another card would have paid."))
    earn_otherwise = models.PositiveIntegerField(default=0, help_text=_("The same card pays and earns otherwise."))
    newly_paid = models.PositiveIntegerField(default=0)
    newly_declined = models.PositiveIntegerField(default=0)
    is_cut = models.BooleanField(default=False, help_text=_("There were more decisions than one run looks at."))
    sums = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    worked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("ranking preview")
        constraints = [
            models.CheckConstraint(
                condition=Q(status="running", finished_at__isnull=True)
                | ~Q(status="running") & Q(finished_at__isnull=False),
                name="ranking_preview_ends_once",
            ),
        ]

    def __str__(self) -> str:
        words = ngettext(
            "%(draft)s, version %(version)s, %(days)s day", "%(draft)s, version %(version)s, %(days)s days", self.days
        )
        return words % {"draft": self.draft, "version": self.draft_version, "days": self.days}


class PreviewedPurchase(models.Model):
    """A purchase that another card would have paid with the draft; `reference` is what the ledger calls it."""

    preview = models.ForeignKey(RankingPreview, on_delete=models.CASCADE, related_name="purchases", db_index=False)
    decision_id = models.BigIntegerField()
    reference = models.CharField(max_length=40)
    merchant_name = FreeTextField(max_length=120, blank=True)
    mcc = models.CharField(max_length=4)
    decided_at = models.DateTimeField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    card_now = FreeTextField(max_length=160, blank=True, help_text=_("Empty: no card, so it is declined."))
    card_with_draft = FreeTextField(max_length=160, blank=True)
    reward_now_micro = models.BigIntegerField()
    reward_with_draft_micro = models.BigIntegerField()

    class Meta:
        ordering = ["-decided_at", "-id"]
        verbose_name = _("previewed purchase")
        constraints = [models.UniqueConstraint(fields=["preview", "decision_id"], name="one_preview_per_decision")]

    def __str__(self) -> str:
        return self.reference
