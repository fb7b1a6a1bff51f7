"""Decisions that are committed, and whose consequences are still to be written."""

from django.db import models

from issuing.models.cards import Provider
from onecard.kit.fields import FreeJsonField


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
    facts = FreeJsonField(help_text="The proposal as the committing statement accepted it.")
    body = models.BinaryField(help_text="The request's raw bytes, with card numbers covered.")
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
