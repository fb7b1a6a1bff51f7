"""Money that a cardholder put on a card beforehand."""

import uuid

from django.db import models
from django.db.models import Q

from issuing import states
from issuing.models.cards import VirtualCard
from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from wallet.models import FundingMethod, FundingObligation


class CardFunding(models.Model):
    """One request to put money on a card: the source is charged first, and the balance rises once it has paid."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    card = models.ForeignKey(VirtualCard, on_delete=models.PROTECT, related_name="fundings")
    source = models.ForeignKey(FundingMethod, on_delete=models.PROTECT, related_name="+")
    obligation = models.OneToOneField(FundingObligation, on_delete=models.PROTECT, related_name="card_funding")
    request_key = models.CharField(max_length=80, unique=True, help_text="The same key again is the same request.")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=20, choices=states.Funding.choices, default=states.Funding.REQUESTED)
    requested_by = models.CharField(max_length=80)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, amount_minor__lte=MAX_AMOUNT_MINOR), name="card_funding_in_bounds"
            )
        ]

    def __str__(self) -> str:
        return f"{self.money} onto {self.card}"

    @property
    def money(self) -> Money:
        return Money(self.amount_minor, self.currency)
