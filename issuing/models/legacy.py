"""Where rows that came from the old documents came from."""

from django.db import models
from django.utils.translation import gettext_lazy

from issuing.models.cards import VirtualCard
from issuing.models.transactions import CardTransaction
from onecard.kit.fields import FreeJsonField


class LegacyDocument(models.Model):
    """One document of the old system that was imported; its id makes a second import of it change nothing."""

    class Kind(models.TextChoices):
        VIRTUAL_CARD = "virtual_card", gettext_lazy("Virtual card")
        TRANSACTION = "transaction", gettext_lazy("Transaction")

    kind = models.CharField(max_length=20, choices=Kind.choices)
    legacy_id = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, help_text=gettext_lazy("SHA-256 of the document as it was imported."))
    document = FreeJsonField(help_text=gettext_lazy("As it came, without the card's number and code."))
    card = models.ForeignKey(
        VirtualCard, null=True, blank=True, on_delete=models.PROTECT, related_name="legacy_documents", db_index=False
    )
    card_transaction = models.OneToOneField(
        CardTransaction, null=True, blank=True, on_delete=models.PROTECT, related_name="legacy_document"
    )
    imported_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["kind", "legacy_id"], name="one_import_per_document")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.legacy_id}"
