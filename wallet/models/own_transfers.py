"""Top-ups and payouts: our own money between our bank account and our balances at the processor and the issuer."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from onecard.kit.fields import FreeTextField
from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from wallet import states
from wallet.references import Subject


class OwnTransfer(models.Model):
    """One top-up or payout as the processor tells it.

    The amounts in the books come from its list of balance transactions; this row says what became of it.
    """

    class Kind(models.TextChoices):
        TOP_UP = "top_up", gettext_lazy("Top-up from our bank")
        PAYOUT = "payout", gettext_lazy("Payout to our bank")

    class Balance(models.TextChoices):
        PAYMENTS = "payments", gettext_lazy("At the processor")
        ISSUING = "issuing", gettext_lazy("At the issuer")

    provider = models.CharField(max_length=20)
    processor_transfer_id = models.CharField(gettext_lazy("processor's id"), max_length=64)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    balance = models.CharField(max_length=20, choices=Balance.choices)
    status = models.CharField(max_length=20, choices=states.OwnTransfer.choices)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    failure = FreeTextField(max_length=300, blank=True, help_text=gettext_lazy("Why it failed, in the bank's words."))
    expected_at = models.DateTimeField(null=True, blank=True, help_text=gettext_lazy("When the bank should have it."))
    is_booked = models.BooleanField(
        default=False, help_text=gettext_lazy("Whether the books say what its status says.")
    )
    created_at = models.DateTimeField(help_text=gettext_lazy("When it was made at the processor."))
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["created_at"], name="own_transfer_to_book", condition=Q(is_booked=False)),
            models.Index(
                fields=["created_at"],
                name="own_transfer_under_way",
                condition=Q(status__in=(states.OwnTransfer.PENDING, states.OwnTransfer.IN_TRANSIT)),
            ),
            models.Index(fields=["-created_at", "-id"], name="own_transfers_newest_first"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["processor_transfer_id", "provider"], name="one_row_per_own_transfer"),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, amount_minor__lte=MAX_AMOUNT_MINOR), name="own_transfer_in_bounds"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.money}"

    @property
    def money(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def reference(self) -> str:
        """What its postings and its case name."""
        return Subject.OWN_TRANSFER.reference(self.processor_transfer_id)
