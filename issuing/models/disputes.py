"""Disputes at the issuer: whether a purchase's money comes back is open until one is over."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.models.authorizations import Authorization
from issuing.models.cards import Provider
from issuing.models.transactions import CardTransaction
from onecard.kit.fields import FreeTextField
from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from onecard.kit.sentences import in_a_sentence


class Dispute(models.Model):
    """One dispute under the issuer's id: where it stands. What it moves are card transactions of their own."""

    provider = models.CharField(max_length=20, choices=Provider.choices)
    issuer_dispute_id = models.CharField(max_length=120)
    issuer_transaction_id = models.CharField(
        max_length=120, blank=True, help_text=gettext_lazy("The movement that is disputed.")
    )
    transaction = models.ForeignKey(
        CardTransaction, null=True, blank=True, on_delete=models.PROTECT, related_name="disputes", db_index=False
    )
    authorization = models.ForeignKey(
        Authorization, null=True, blank=True, on_delete=models.PROTECT, related_name="disputes"
    )
    status = models.CharField(max_length=20, choices=states.Dispute.choices)
    reason = FreeTextField(max_length=80, blank=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "issuer_dispute_id"], name="one_row_per_dispute"),
            models.CheckConstraint(
                condition=Q(amount_minor__gte=0, amount_minor__lte=MAX_AMOUNT_MINOR), name="dispute_amount_in_bounds"
            ),
        ]

    def __str__(self) -> str:
        return _("Dispute about %(money)s, %(status)s") % {
            "money": self.money,
            "status": in_a_sentence(self.get_status_display()),
        }

    @property
    def money(self) -> Money:
        return Money(self.amount_minor, self.currency)
