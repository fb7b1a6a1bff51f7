"""Amounts that staff entered: what for, by whom, and who agreed where two people are needed."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy

from onecard.kit.fields import FreeJsonField, FreeTextField
from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from wallet.models.wallets import Cardholder


class EnteredAmount(models.Model):
    """One amount that a person entered. Above the threshold it waits for a second person."""

    class Kind(models.TextChoices):
        CONVERSION = "worth", gettext_lazy("What a transaction is worth")
        TOP_UP = "top_up", gettext_lazy("Money put on a card")
        LIMITS = "limits", gettext_lazy("Limits of a card raised")
        REFUND = "refund", gettext_lazy("Refund at our own cost")
        LINK = "link", gettext_lazy("Movement between two cardholders")
        OWN_MONEY = "own_money", gettext_lazy("Our own money, by the bank's statement")

    class Status(models.TextChoices):
        PROPOSED = "proposed", gettext_lazy("Second person needed")
        APPLIED = "applied", gettext_lazy("Done")
        WITHDRAWN = "withdrawn", gettext_lazy("Not agreed to")

    kind = models.CharField(max_length=20, choices=Kind.choices)
    reference = models.CharField(max_length=120, help_text=gettext_lazy("What it is about, such as virtualcard:<id>."))
    cardholder = models.ForeignKey(
        Cardholder, null=True, blank=True, on_delete=models.PROTECT, related_name="entered_amounts", db_index=False
    )
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    details = FreeJsonField(default=dict, blank=True, help_text=gettext_lazy("What else is needed to carry it out."))
    reason = FreeTextField(max_length=300)
    needs_second = models.BooleanField(help_text=gettext_lazy("Whether one person's word is not enough."))
    status = models.CharField(max_length=20, choices=Status.choices)
    entered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    agreed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    entered_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = gettext_lazy("entered amount")
        permissions = [("agree_entered_amount", "Can agree, as the second person, to an amount that somebody entered")]
        indexes = [models.Index(fields=["cardholder", "entered_by", "entered_at"], name="entered_lately")]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "reference"], condition=Q(status="proposed"), name="one_proposed_amount_of_a_kind"
            ),
            models.CheckConstraint(
                condition=Q(agreed_by=None) | ~Q(agreed_by=F("entered_by")), name="amount_agreed_by_another"
            ),
            models.CheckConstraint(
                condition=~Q(status="applied") | Q(needs_second=False) | Q(agreed_by__isnull=False),
                name="amount_applied_by_two_people",
            ),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, amount_minor__lte=MAX_AMOUNT_MINOR), name="entered_amount_in_bounds"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.money}"

    @property
    def money(self) -> Money:
        return Money(self.amount_minor, self.currency)
