"""Checks of a person's identity: one row for each submission, and the history of the person's status."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import display
from onecard.kit.fields import FreeJsonField, FreeTextField
from wallet.models.wallets import Cardholder
from wallet.states import OPEN_REVIEW, KycStatus


class KycReview(models.Model):
    """One submission for an identity check, and what became of it. Those that are pending are the queue of staff."""

    cardholder = models.ForeignKey(Cardholder, on_delete=models.PROTECT, related_name="kyc_reviews", db_index=False)
    status = models.CharField(max_length=20, choices=KycStatus.choices, default=KycStatus.PENDING)
    submitted_by = models.CharField(max_length=80)
    submitted_at = models.DateTimeField()
    decided_by = models.CharField(max_length=80, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = FreeTextField(max_length=300, blank=True, help_text=gettext_lazy("Why it ended so, or what is asked for."))

    class Meta:
        ordering = ["-id"]
        verbose_name = gettext_lazy("identity check")
        constraints = [
            models.UniqueConstraint(
                fields=["cardholder"], condition=Q(status__in=OPEN_REVIEW), name="one_open_review_per_cardholder"
            )
        ]

    def __str__(self) -> str:
        return _("Identity check of %(cardholder)s") % {"cardholder": self.cardholder}


class KycEvent(models.Model):
    """One move of a person's identity status: from where, to where, by whom, when and why. Never changed."""

    cardholder = models.ForeignKey(Cardholder, on_delete=models.PROTECT, related_name="kyc_events")
    review = models.ForeignKey(KycReview, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    from_status = models.CharField(max_length=20, choices=KycStatus.choices)
    to_status = models.CharField(max_length=20, choices=KycStatus.choices)
    actor = models.CharField(max_length=80)
    reason = FreeTextField(max_length=300, help_text=gettext_lazy("The cardholder reads it."))
    asked = FreeJsonField(default=list, help_text=gettext_lazy("What the person has to give or correct, in sentences."))
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        since = display.moment(self.recorded_at)
        return _("%(state)s since %(when)s") % {"state": self.get_to_status_display(), "when": since}
