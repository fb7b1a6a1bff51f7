"""Decisions that are committed, and whose consequences are still to be written."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from issuing.models.cards import Provider
from issuing.models.compressed_body import CompressedBody
from onecard.kit.fields import FreeJsonField, FreeTextField


class JournalEntry(models.Model):
    """All that an answer stands on, in one row; issuing/journal.py writes what follows from it, and deletes the row.

    No foreign key: the row lives for milliseconds, and the rows that follow from it have theirs.
    """

    provider = models.CharField(max_length=20, choices=Provider.choices)
    event_id = models.CharField(max_length=120)
    event_type = models.CharField(max_length=120)
    fingerprint = models.CharField(max_length=64)
    authorization_id = models.BigIntegerField()
    card_id = models.BigIntegerField(null=True)
    round_key = models.CharField(max_length=80)
    approved = models.BooleanField()
    response = models.BinaryField(help_text="The very bytes that were answered.")
    object_id = models.CharField(max_length=120, help_text="The purchase's name at the issuer.")
    original_mac = models.CharField(max_length=64, default="", help_text="As IssuerEvent keeps it.")
    public_id = models.UUIDField(help_text="Of the decision.")
    amount_minor = models.BigIntegerField()
    from_balance_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    merchant_name = FreeTextField(max_length=120, blank=True)
    rule = models.CharField(max_length=40, default="")
    decline_reason = models.CharField(max_length=40, default="")
    policy = models.CharField(max_length=40, default="")
    method_id = models.BigIntegerField(null=True)
    obligation_public_id = models.UUIDField(null=True)
    charge_public_id = models.UUIDField(null=True)
    idempotency_key = models.CharField(max_length=120, default="")
    day_id = models.BigIntegerField(null=True)
    month_id = models.BigIntegerField(null=True)
    headroom_minor = models.BigIntegerField(default=0, db_default=0)
    counter_ids = ArrayField(models.BigIntegerField(), default=list, db_default=[], help_text="As Hold keeps them.")
    purchase_count = models.SmallIntegerField(default=0, db_default=0)
    trace = FreeJsonField(help_text="As Decision keeps it.")
    timings_ms = models.JSONField(help_text="As Decision keeps them.")
    body = CompressedBody(help_text="The request's raw bytes, with card numbers covered.")
    decided_at = models.DateTimeField()

    class Meta:
        db_table = "issuing_journal"
        constraints = [
            models.UniqueConstraint(fields=["provider", "event_id"], name="one_journal_entry_per_event"),
            models.UniqueConstraint(fields=["authorization_id", "round_key"], name="one_journal_entry_per_round"),
        ]
        indexes = [models.Index(fields=["card_id"], name="journal_of_card")]

    def __str__(self) -> str:
        return f"{self.event_type} {self.event_id}"
