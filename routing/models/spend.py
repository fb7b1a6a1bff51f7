"""How full each cap of a funding card is: one booking for each charge, and the sums that a decision reads.

issuing/rewards/spend_book.py writes both, in one transaction, from the wallet's charges and refunds, and can make the
sums anew from them.
"""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from routing.models.catalogue import KEY
from wallet.models import Cardholder, FundingCharge, FundingMethod


class SpendBooking(models.Model):
    """What one charge takes of its card's caps, with the state in which the sums hold it.

    `shares` are lists of four: the name of a cap or bonus, a tag or "", the first day of the period, and minor units.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("Pending")
        POSTED = "posted", _("Posted")
        RELEASED = "released", _("Given back")

    charge = models.OneToOneField(FundingCharge, on_delete=models.PROTECT, related_name="spend")
    method = models.ForeignKey(FundingMethod, on_delete=models.PROTECT, related_name="+", db_index=False)
    status = models.CharField(max_length=10, choices=Status.choices)
    amount_minor = models.BigIntegerField(help_text=_("What the shares are of."))
    kept_minor = models.BigIntegerField(help_text=_("What is left of it: less what was given up or went back."))
    shares = models.JSONField(default=list)
    looked_at = models.DateTimeField(help_text=_("When the charge and its refunds were last looked at."))

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["looked_at"], name="spend_pending", condition=Q(status="pending")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gte=0, kept_minor__gte=0, kept_minor__lte=F("amount_minor")),
                name="spend_kept_within_amount",
            )
        ]

    def __str__(self) -> str:
        return f"{self.method}: {self.get_status_display()}"


class CardSpend(models.Model):
    """The sums of one cap, or of one category of a top-category bonus, in one period of a card."""

    method = models.ForeignKey(FundingMethod, on_delete=models.PROTECT, related_name="spend", db_index=False)
    name = models.CharField(max_length=KEY, help_text=_("The cap, or the bonus of a tag."))
    tag = models.CharField(max_length=KEY, blank=True, default="", help_text=_("Empty for a cap."))
    starts_on = models.DateField()
    pending_minor = models.BigIntegerField(default=0, db_default=0)
    posted_minor = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        ordering = ["method", "-starts_on", "name", "tag"]
        verbose_name = _("spend of a card")
        verbose_name_plural = _("spend of cards")
        constraints = [
            models.UniqueConstraint(fields=["method", "starts_on", "name", "tag"], name="one_sum_per_period"),
            models.CheckConstraint(condition=Q(pending_minor__gte=0, posted_minor__gte=0), name="spend_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.tag} {self.starts_on}"


class SpacePrices(models.Model):
    """What the space left in a person's caps is worth, made from a forecast of their purchases now and then.

    `prices` is as routing/valued/stored_prices.py writes it.
    """

    cardholder = models.OneToOneField(Cardholder, on_delete=models.CASCADE, related_name="space_prices")
    prices = models.JSONField(default=dict)
    made_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["made_at"], name="space_prices_oldest")]

    def __str__(self) -> str:
        return str(self.cardholder)
