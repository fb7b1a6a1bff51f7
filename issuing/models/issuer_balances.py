"""What issuers said of our balances with them, kept thin: the last reading of each hour."""

from django.db import models
from django.utils.translation import gettext_lazy

from issuing.models.cards import Provider


class IssuerBalance(models.Model):
    """What purchases could still take from our balance at an issuer; each hour keeps its last reading."""

    provider = models.CharField(max_length=20, choices=Provider.choices)
    currency = models.CharField(max_length=3)
    hour_at = models.DateTimeField(help_text=gettext_lazy("The hour's first moment."))
    available_minor = models.BigIntegerField(help_text=gettext_lazy("After what purchases hold of it."))
    pays_purchases = models.BooleanField(
        help_text=gettext_lazy("Whether the issuer declines purchases when it is empty.")
    )
    read_at = models.DateTimeField()

    class Meta:
        ordering = ["-hour_at", "provider", "currency"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "currency", "hour_at"], name="one_balance_of_an_issuer_in_an_hour"
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.currency} {self.hour_at:%Y-%m-%d %H}:00"
