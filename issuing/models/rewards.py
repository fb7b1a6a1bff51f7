"""The rewards book: what funded purchases earn by our estimate, entry by entry."""

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from issuing.models.authorizations import Authorization
from onecard.kit.fields import FreeTextField
from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from routing.models import RewardType
from routing.rewards import Booked
from wallet.models import FundingCharge, FundingMethod, FundingRefund

SIGNED = ("units_micro", "value_low_micro", "value_face_micro", "value_high_micro", "baseline_micro")


class RewardEntry(models.Model):
    """What one charge earned, or what one refund took from that. Added once, never changed (issuing/sql/triggers).

    Units and values are whole millionths with their sign, so that a sum over any entries is what is left. Rounding is
    half-even from the exact decimal. Benefit is the face value less the baseline, and is nowhere stored.
    """

    class Kind(models.TextChoices):
        CHARGE = "charge", gettext_lazy("Earned")
        REFUND = "refund", gettext_lazy("Taken back")
        REFUND_FAILED = "refund_failed", gettext_lazy("Refund came back")

    key = models.CharField(max_length=160, help_text=gettext_lazy("Its charge or refund, such as refund:1b4e…"))
    kind = models.CharField(max_length=20, choices=Kind.choices)
    purchase = models.ForeignKey(Authorization, on_delete=models.PROTECT, related_name="reward_entries", db_index=False)
    charge = models.ForeignKey(FundingCharge, on_delete=models.PROTECT, related_name="reward_entries")
    refund = models.ForeignKey(
        FundingRefund, null=True, blank=True, on_delete=models.PROTECT, related_name="reward_entries"
    )
    method = models.ForeignKey(FundingMethod, on_delete=models.PROTECT, related_name="reward_entries", db_index=False)
    programme = FreeTextField(
        max_length=120, help_text=gettext_lazy("The card product's name, else the funding card's own.")
    )
    reward_type = models.CharField(
        max_length=10,
        choices=RewardType.choices,
        blank=True,
        help_text=gettext_lazy("Empty: no ranking was known, rate 0."),
    )
    rate_milli = models.BigIntegerField(
        gettext_lazy("rate in thousandths"), help_text=gettext_lazy("Units per whole currency unit, x 1000.")
    )
    amount_minor = models.BigIntegerField(
        help_text=gettext_lazy("Never negative: the kind says which way the money went.")
    )
    currency = models.CharField(max_length=3)
    units_micro = models.BigIntegerField(gettext_lazy("units in millionths"))
    value_low_micro = models.BigIntegerField(
        help_text=gettext_lazy("Millionths of the currency unit, at 0.5 cents a point.")
    )
    value_face_micro = models.BigIntegerField(help_text=gettext_lazy("At 1 cent a point."))
    value_high_micro = models.BigIntegerField(help_text=gettext_lazy("At 1.5 cents a point."))
    baseline_micro = models.BigIntegerField(
        help_text=gettext_lazy("What a card with 1 point a unit would have earned, at face.")
    )
    mcc = models.CharField("MCC", max_length=4, blank=True)
    category = FreeTextField(max_length=200, blank=True)
    local_month = models.DateField(help_text=gettext_lazy("First day of the month, in the cardholder's zone."))
    earned_at = models.DateTimeField(help_text=gettext_lazy("When the money moved."))
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name = gettext_lazy("reward entry")
        verbose_name_plural = gettext_lazy("reward entries")
        indexes = [
            models.Index(fields=["local_month"], name="reward_month"),
            models.Index(fields=["earned_at"], name="reward_moment"),
            # What one person's cards earned in a month, on their page.
            models.Index(fields=["method", "local_month"], name="reward_of_method"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["key"], name="one_reward_entry_per_key"),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, amount_minor__lte=MAX_AMOUNT_MINOR), name="reward_amount_in_bounds"
            ),
            models.CheckConstraint(condition=Q(rate_milli__gte=0), name="reward_rate_not_negative"),
            models.CheckConstraint(
                condition=Q(kind="refund", **{f"{name}__lte": 0 for name in SIGNED})
                | ~Q(kind="refund") & Q(**{f"{name}__gte": 0 for name in SIGNED}),
                name="reward_sign_follows_kind",
            ),
            models.CheckConstraint(
                condition=Q(kind="charge", refund__isnull=True) | ~Q(kind="charge") & Q(refund__isnull=False),
                name="reward_names_its_refund",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.programme} {self.money}"

    @property
    def money(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def booked(self) -> Booked:
        return Booked(**{name: getattr(self, name) for name in SIGNED})

    @property
    def rate(self) -> Decimal:
        return Decimal(self.rate_milli).scaleb(-3)
