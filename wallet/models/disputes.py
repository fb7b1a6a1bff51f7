"""Disputes of our charges: a funding card's bank takes a charge back or asks about it."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy

from onecard.kit.fields import FreeTextField
from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from onecard.kit.sentences import in_a_sentence
from wallet import states
from wallet.models.funding import FundingCharge


class FundingDispute(models.Model):
    """One dispute of one of our charges, as the processor reports it. A charge may have several.

    `withdrawn_minor` is what the bank has taken from our balance at the processor by now; `lost_minor` is the part that
    is lost for good and owed by the cardholder. Without `charge` the dispute is of a charge that is not ours.
    """

    charge = models.ForeignKey(FundingCharge, null=True, blank=True, on_delete=models.PROTECT, related_name="disputes")
    processor_dispute_id = models.CharField(max_length=64, help_text="du_…")
    processor_charge_id = models.CharField(
        max_length=64, blank=True, help_text=gettext_lazy("pi_…, or ch_… where there is none")
    )
    status = models.CharField(max_length=30, choices=states.FundingDispute.choices)
    reason = FreeTextField(
        max_length=60, blank=True, help_text=gettext_lazy("As the card's bank says it, such as fraudulent.")
    )
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    withdrawn_minor = models.BigIntegerField(default=0)
    lost_minor = models.BigIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True, help_text=gettext_lazy("Until then the bank takes evidence."))
    told_at = models.DateTimeField(help_text=gettext_lazy("When the processor told the newest of it."))
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name = gettext_lazy("dispute of our charge")
        verbose_name_plural = gettext_lazy("disputes of our charges")
        constraints = [
            models.UniqueConstraint(fields=["processor_dispute_id"], name="one_dispute_per_processor_id"),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, amount_minor__lte=MAX_AMOUNT_MINOR),
                name="funding_dispute_amount_in_bounds",
            ),
            models.CheckConstraint(
                condition=Q(lost_minor=0) | Q(lost_minor__gt=0, lost_minor__lte=F("withdrawn_minor")),
                name="dispute_loses_what_was_taken",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.money}, {in_a_sentence(self.get_status_display())}"

    @property
    def money(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def is_inquiry(self) -> bool:
        """Whether the bank only asks and has moved no money yet."""
        return self.status in states.INQUIRY
