"""What is known of a card's past: kept by issuing/sql/keep_history.sql, and built anew from the stored decisions."""

from django.db import models

from issuing.models.cards import VirtualCard
from onecard.kit.fields import FreeJsonField


class CardHistory(models.Model):
    """A card's past decisions in one row. Nothing in it depends on the order in which decisions were added.

    `recent` has the newest decisions, each as [milliseconds since 1970, minor units, merchant's key, 1 for approved,
    the decision's key]. `merchants`, `countries` and `mccs` say on which day (since 1970) an approved purchase was seen
    there last. issuing/history/bounds.py says how much of it is kept.
    """

    card = models.OneToOneField(VirtualCard, primary_key=True, on_delete=models.PROTECT, related_name="history")
    approvals = models.BigIntegerField(default=0, help_text="Approved rounds of more than nothing, in its currency.")
    approved_minor = models.BigIntegerField(default=0, help_text="Their sum.")
    squares = models.DecimalField(
        max_digits=40, decimal_places=0, default=0, help_text="The sum of their squares, exact: no amount of money."
    )
    recent = FreeJsonField(default=list)
    merchants = FreeJsonField(default=dict)
    countries = FreeJsonField(default=dict)
    mccs = FreeJsonField(default=dict)
    last_present = FreeJsonField(
        null=True,
        help_text="The last approval with the card present: [ms, country, city, postal code, key].",
    )

    class Meta:
        db_table = "issuing_cardhistory"

    def __str__(self) -> str:
        return f"{self.card}: {self.approvals}"
