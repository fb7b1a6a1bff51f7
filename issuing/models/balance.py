"""Money that a cardholder put on a card beforehand, and what purchases take from it."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.models.authorizations import Authorization
from issuing.models.cards import VirtualCard
from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from wallet.models import FundingMethod, FundingObligation


class CardFunding(models.Model):
    """One request to put money on a card: the source is charged first, and the balance rises once it has paid."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    card = models.ForeignKey(VirtualCard, on_delete=models.PROTECT, related_name="fundings", db_index=False)
    source = models.ForeignKey(FundingMethod, on_delete=models.PROTECT, related_name="+", db_index=False)
    obligation = models.OneToOneField(FundingObligation, on_delete=models.PROTECT, related_name="card_funding")
    request_key = models.CharField(max_length=80, help_text=gettext_lazy("The same key again is the same request."))
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=20, choices=states.Funding.choices, default=states.Funding.REQUESTED)
    requested_by = models.CharField(max_length=80)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        # Few at a time: the sweep of top-ups looks for them.
        indexes = [
            models.Index(fields=["id"], name="card_funding_waiting", condition=Q(status="requested")),
            models.Index(fields=["card", "-id"], name="card_funding_of_card"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["request_key"], name="one_card_funding_per_key"),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, amount_minor__lte=MAX_AMOUNT_MINOR), name="card_funding_in_bounds"
            ),
        ]

    def __str__(self) -> str:
        return _("%(money)s onto %(card)s") % {"money": self.money, "card": self.card}

    @property
    def money(self) -> Money:
        return Money(self.amount_minor, self.currency)


class BalanceUse(models.Model):
    """What a card's balance pays for one purchase: taken from the balance at once, posted as merchants take it.

    Below zero it is what a merchant gave back beyond what it took, and the balance has it.
    """

    authorization = models.OneToOneField(Authorization, on_delete=models.PROTECT, related_name="balance_use")
    card = models.ForeignKey(VirtualCard, on_delete=models.PROTECT, related_name="balance_uses", db_index=False)
    amount_minor = models.BigIntegerField(default=0)
    posted_minor = models.BigIntegerField(default=0, db_default=0, help_text=gettext_lazy("What the ledger has of it."))
    postings = models.PositiveIntegerField(
        default=0, db_default=0, help_text=gettext_lazy("How many postings it took so far.")
    )
    given_back_minor = models.BigIntegerField(
        default=0, db_default=0, help_text=gettext_lazy("What staff gave back to the balance at our cost.")
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gte=-MAX_AMOUNT_MINOR, amount_minor__lte=MAX_AMOUNT_MINOR),
                name="balance_use_in_bounds",
            )
        ]

    def __str__(self) -> str:
        return _("%(money)s from the balance of %(card)s") % {
            "money": Money(self.amount_minor, self.authorization.currency),
            "card": self.card,
        }
