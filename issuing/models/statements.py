"""What a funding card's issuer says that its purchases earned, as imported from a file: days, amounts, rewards.

Nothing else of the file is kept: neither its name nor a merchant, since such texts hold card numbers.
"""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from onecard.kit.money import MAX_AMOUNT_MINOR
from routing.models import RankingDraft
from wallet.models import FundingCharge, FundingMethod, FundingRefund

MOST_MICRO = 10**18


class CardStatement(models.Model):
    """One file that was imported for one card; the same bytes are imported once."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    method = models.ForeignKey(
        FundingMethod,
        verbose_name=_("funding card"),
        on_delete=models.PROTECT,
        related_name="statements",
        db_index=False,
    )
    sha256 = models.CharField(max_length=64)
    currency = models.CharField(max_length=3)
    first_on = models.DateField(_("first day"))
    last_on = models.DateField(_("last day"))
    line_count = models.PositiveIntegerField(_("lines"), help_text=_("Those that no earlier file had."))
    repeated_count = models.PositiveIntegerField(_("lines of earlier files"), default=0)
    imported_by = models.CharField(max_length=80)
    imported_at = models.DateTimeField()
    draft = models.ForeignKey(
        RankingDraft,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text=_("The draft of its corrections."),
    )

    class Meta:
        ordering = ["-id"]
        verbose_name = _("card statement")
        verbose_name_plural = _("card statements")
        constraints = [
            models.UniqueConstraint(fields=["method", "sha256"], name="one_statement_per_file"),
            models.CheckConstraint(condition=Q(first_on__lte=F("last_on")), name="statement_days_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.method}, {self.first_on} / {self.last_on}"


class StatementLine(models.Model):
    """One line: an amount (a refund is below zero) and the units that it earned, in millionths.

    `occurrence` numbers lines that are equal, so that a file with lines of an earlier one adds only its new ones.
    """

    statement = models.ForeignKey(CardStatement, on_delete=models.PROTECT, related_name="lines", db_index=False)
    method = models.ForeignKey(FundingMethod, on_delete=models.PROTECT, related_name="+", db_index=False)
    posted_on = models.DateField(_("date"))
    amount_minor = models.BigIntegerField(_("amount"))
    units_micro = models.BigIntegerField(_("reward in millionths"))
    occurrence = models.PositiveSmallIntegerField(default=1)
    charge = models.OneToOneField(
        FundingCharge, null=True, blank=True, on_delete=models.SET_NULL, related_name="statement_line"
    )
    refund = models.OneToOneField(
        FundingRefund, null=True, blank=True, on_delete=models.SET_NULL, related_name="statement_line"
    )

    class Meta:
        ordering = ["posted_on", "id"]
        verbose_name = _("statement line")
        verbose_name_plural = _("statement lines")
        constraints = [
            models.UniqueConstraint(
                fields=["method", "posted_on", "amount_minor", "units_micro", "occurrence"],
                name="one_statement_line_each",
            ),
            models.CheckConstraint(
                condition=Q(amount_minor__gte=-MAX_AMOUNT_MINOR, amount_minor__lte=MAX_AMOUNT_MINOR)
                & Q(units_micro__gte=-MOST_MICRO, units_micro__lte=MOST_MICRO),
                name="statement_line_in_bounds",
            ),
            models.CheckConstraint(
                condition=Q(charge__isnull=True) | Q(refund__isnull=True), name="statement_line_has_one_match"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.posted_on}: {self.amount_minor}"
