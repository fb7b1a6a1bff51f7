"""How likely each funding card is to pay, as strategy value reads it with the wallet (docs/decisions/0067)."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from wallet.models import FundingMethod

MILLION = 1_000_000


class MethodOdds(models.Model):
    """A card's outcomes of the last days, its prior, and the probability that follows; counted anew every hour.

    They raise no version: a purchase within an hour of a decline is decided by the odds of before.
    """

    method = models.OneToOneField(FundingMethod, on_delete=models.CASCADE, related_name="odds")
    approvals = models.PositiveIntegerField(_("approvals"), default=0)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    prior_ppm = models.PositiveIntegerField(_("prior"), help_text=_("Of its network and issuer, in millionths."))
    approved_ppm = models.PositiveIntegerField(_("likelihood"), help_text=_("In millionths."))
    counted_at = models.DateTimeField(_("counted"))

    class Meta:
        ordering = ["approved_ppm", "id"]
        verbose_name = _("likelihood to pay")
        verbose_name_plural = _("likelihoods to pay")
        constraints = [
            models.CheckConstraint(condition=Q(approvals__lte=F("attempts")), name="odds_approvals_within_attempts"),
            models.CheckConstraint(
                condition=Q(prior_ppm__lte=MILLION, approved_ppm__lte=MILLION), name="odds_are_probabilities"
            ),
        ]

    def __str__(self) -> str:
        return str(self.method)
