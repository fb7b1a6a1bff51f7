"""Amounts too small to charge alone, carried to the cardholder's next charge (decision 0037)."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from onecard.kit.sentences import in_a_sentence
from wallet.models.funding import FundingCharge
from wallet.models.wallets import Cardholder


class CarriedAmount(models.Model):
    """What a purchase left unpaid, or overpaid (negative), because the processor cannot move so little.

    It waits, goes on the charge that takes it along, and ends paid, written off, or taken back with its purchase.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", gettext_lazy("Waits for the next charge")
        ON_CHARGE = "on_charge", gettext_lazy("On a charge that is under way")
        PAID = "paid", gettext_lazy("Paid with another charge")
        WRITTEN_OFF = "written_off", gettext_lazy("Written off")
        TAKEN_BACK = "taken_back", gettext_lazy("Not owed any more")

    cardholder = models.ForeignKey(Cardholder, on_delete=models.PROTECT, related_name="carried_amounts", db_index=False)
    purchase = models.CharField(max_length=120)
    amount_minor = models.BigIntegerField(
        help_text=gettext_lazy("Owed by the cardholder; negative when it is owed to them.")
    )
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.WAITING)
    carrier = models.ForeignKey(
        FundingCharge, null=True, blank=True, on_delete=models.PROTECT, related_name="carried_amounts"
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["purchase"], name="carried_of_purchase"),
            models.Index(fields=["cardholder", "currency"], name="carried_and_waiting", condition=Q(status="waiting")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(amount_minor=0)
                & Q(amount_minor__gte=-MAX_AMOUNT_MINOR, amount_minor__lte=MAX_AMOUNT_MINOR),
                name="carried_amount_in_bounds",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.money}, {in_a_sentence(self.get_status_display())}"

    @property
    def money(self) -> Money:
        return Money(self.amount_minor, self.currency)
