"""Our accounts at processors: what a funding card's issuer sees of a purchase, and what the processor takes.

Triggers raise each row's version and the rulebook's, so that running processes notice a change (docs/decisions/0067).
"""

from decimal import Decimal

from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit.separators import localised
from wallet.models.wallets import Network

MOST_BP = 2_000


class ProcessorAccount(models.Model):
    """One account at a processor. Charges go through the account of the API key (STRIPE_ACCOUNT_ID).

    The row without an id stands for an account that has no row of its own.
    """

    class Provider(models.TextChoices):
        """The processors that can charge cards."""

        STRIPE = "stripe", "Stripe"

    provider = models.CharField(max_length=20, choices=Provider.choices, default=Provider.STRIPE)
    account_id = models.CharField(
        gettext_lazy("account"),
        max_length=64,
        blank=True,
        db_default="",
        default="",
        validators=[RegexValidator(r"^acct_[A-Za-z0-9]+$", gettext_lazy("An account's id begins with acct_."))],
        help_text=gettext_lazy("Its id at the processor, acct_…; empty: any account without a row of its own."),
    )
    passes_mcc = models.BooleanField(
        gettext_lazy("passes the merchant's category through"),
        null=True,
        blank=True,
        help_text=gettext_lazy("Empty: as MERCHANT_MCC_PASSED_THROUGH says."),
    )
    version = models.BigIntegerField(default=1, db_default=1, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["provider", "account_id"]
        verbose_name = gettext_lazy("processor account")
        verbose_name_plural = gettext_lazy("processor accounts")
        constraints = [
            models.UniqueConstraint(fields=["provider", "account_id"], name="one_row_per_processor_account"),
        ]

    def __str__(self) -> str:
        other = _("%(provider)s, any other account") % {"provider": self.get_provider_display()}
        return f"{self.get_provider_display()} {self.account_id}" if self.account_id else other


class ProcessorFee(models.Model):
    """What the processor takes of a charge to a card of one network, in basis points of its amount."""

    account = models.ForeignKey(ProcessorAccount, on_delete=models.CASCADE, related_name="fees", db_index=False)
    network = models.CharField(max_length=20, choices=Network.choices)
    fee_bp = models.PositiveIntegerField(
        gettext_lazy("fee in basis points"),
        validators=[MaxValueValidator(MOST_BP)],
        help_text=gettext_lazy("Hundredths of a percent: 290 is 2.9 %."),
    )
    version = models.BigIntegerField(default=1, db_default=1, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["account", "network"]
        verbose_name = gettext_lazy("processor fee")
        verbose_name_plural = gettext_lazy("processor fees")
        constraints = [
            models.UniqueConstraint(fields=["account", "network"], name="one_fee_per_network"),
            models.CheckConstraint(condition=Q(fee_bp__gte=0, fee_bp__lte=MOST_BP), name="processor_fee_in_bounds"),
        ]

    def __str__(self) -> str:
        return f"{self.get_network_display()}: {localised(f'{self.percent.normalize():f}')} %"

    @property
    def percent(self) -> Decimal:
        return Decimal(self.fee_bp).scaleb(-2)
