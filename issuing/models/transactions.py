"""What an issuer settled on a card: captures, refunds and disputes, and the movements that old documents hold."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy

from issuing.models.authorizations import Authorization
from issuing.models.cards import Provider, VirtualCard
from onecard.kit.fields import FreeTextField
from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from wallet.references import Subject


class CardTransaction(models.Model):
    """One movement under the issuer's id; it comes by webhook, by sync or from an old document, and is kept once."""

    class Type(models.TextChoices):
        AUTHORIZATION = "authorization", gettext_lazy("Authorization")
        SETTLEMENT = "settlement", gettext_lazy("Settlement")
        REVERSAL = "reversal", gettext_lazy("Reversal")
        CHARGEBACK = "chargeback", gettext_lazy("Chargeback")
        CHARGEBACK_REVERSAL = "chargeback_reversal", gettext_lazy("Chargeback taken back")
        PROVISIONAL_CREDIT = "provisional_credit", gettext_lazy("Provisional credit")
        PROVISIONAL_DEBIT = "provisional_debit", gettext_lazy("Provisional credit taken back")
        REFUND = "refund", gettext_lazy("Refund")

    class Processing(models.TextChoices):
        PENDING = "pending", gettext_lazy("Pending")
        APPROVED = "approved", gettext_lazy("Approved")
        DECLINED = "declined", gettext_lazy("Declined")
        SETTLED = "settled", gettext_lazy("Settled")

    class Source(models.TextChoices):
        WEBHOOK = "webhook", gettext_lazy("Webhook")
        SYNC = "sync", gettext_lazy("Issuer sync")
        LEGACY = "legacy", gettext_lazy("Old document")

    provider = models.CharField(max_length=20, choices=Provider.choices)
    issuer_transaction_id = models.CharField(max_length=120)
    issuer_event_type = FreeTextField(max_length=120, blank=True)
    card = models.ForeignKey(
        VirtualCard, null=True, blank=True, on_delete=models.PROTECT, related_name="card_transactions"
    )
    authorization = models.ForeignKey(
        Authorization, null=True, blank=True, on_delete=models.PROTECT, related_name="card_transactions"
    )
    issuer_authorization_id = models.CharField(max_length=120, blank=True)
    issuer_card_id = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text=gettext_lazy("The card that it names.")
    )
    contradiction = FreeTextField(
        max_length=300,
        blank=True,
        default="",
        db_default="",
        help_text=gettext_lazy("Why it was not joined with the purchase that it names."),
    )
    transaction_type = models.CharField(max_length=20, choices=Type.choices)
    processing_status = models.CharField(max_length=20, choices=Processing.choices)
    authorization_code = FreeTextField(max_length=20, blank=True)
    amount_minor = models.BigIntegerField(
        help_text=gettext_lazy("Never negative: the type says which way the money goes.")
    )
    currency = models.CharField(max_length=3)
    merchant_amount_minor = models.BigIntegerField(
        null=True,
        blank=True,
        help_text=gettext_lazy("In the merchant's own currency; empty for the same. Never negative."),
    )
    merchant_currency = models.CharField(max_length=3, blank=True, db_default="")
    cash_minor = models.BigIntegerField(
        default=0, db_default=0, help_text=gettext_lazy("Cash handed out, a part of the amount.")
    )
    atm_fee_minor = models.BigIntegerField(
        default=0, db_default=0, help_text=gettext_lazy("The machine's fee, a part of the amount.")
    )
    purchase_minor = models.BigIntegerField(
        null=True,
        blank=True,
        help_text=gettext_lazy("In the purchase's currency, where this one is in another and the rate is known."),
    )
    mcc = models.CharField("MCC", max_length=4, blank=True)
    merchant_name = FreeTextField(max_length=200, blank=True)
    merchant_category = FreeTextField(max_length=120, blank=True)
    merchant_location = FreeTextField(max_length=200, blank=True)
    source = models.CharField(max_length=20, choices=Source.choices)
    of_no_purchase_at = models.DateTimeField(
        null=True, blank=True, help_text=gettext_lazy("When a person said that this refund is of no purchase here.")
    )
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["-occurred_at", "-id"]
        indexes = [
            models.Index(fields=["provider", "issuer_authorization_id"], name="transaction_of_purchase"),
            models.Index(fields=["occurred_at", "id"], name="transaction_in_time"),
            GinIndex(OpClass(Upper("merchant_name"), name="gin_trgm_ops"), name="transaction_merchant"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["provider", "issuer_transaction_id"], name="one_row_per_transaction"),
            models.CheckConstraint(
                condition=Q(amount_minor__gte=0, amount_minor__lte=MAX_AMOUNT_MINOR),
                name="transaction_amount_in_bounds",
            ),
            models.CheckConstraint(
                condition=Q(of_no_purchase_at=None) | Q(authorization=None), name="of_no_purchase_or_of_one"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_transaction_type_display()} {self.money}"

    @property
    def money(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def is_contradicted(self) -> bool:
        """Whether it names things that do not belong together, and nobody has said yet whose it is."""
        return bool(self.contradiction) and self.authorization_id is None and self.of_no_purchase_at is None

    @property
    def reference(self) -> str:
        """What the ledger and the cases call it."""
        return Subject.CARD_TRANSACTION.reference(self.pk)
