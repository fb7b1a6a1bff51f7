"""What was counted for /metrics, so that a scrape reads some rows and no long table."""

from django.db import models
from django.db.models import F, Q


class CountedTotal(models.Model):
    """Everything that was counted of one table since the first count. A number in it is only ever added to."""

    source = models.CharField(max_length=30, unique=True)
    counts = models.JSONField(help_text="By series: its name and labels, and a histogram's bucket, joined by |.")
    counted_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.source


class CountedBlock(models.Model):
    """What the totals have of the rows of one table from `first_id` up to `end_id`; empty while it is the newest."""

    source = models.CharField(max_length=30)
    first_id = models.BigIntegerField()
    end_id = models.BigIntegerField(null=True)
    state = models.CharField(max_length=200, blank=True, help_text="What its rows looked like when they were counted.")
    counts = models.JSONField()
    full_at = models.DateTimeField(null=True, help_text="When a newer block was begun.")
    due_at = models.DateTimeField(help_text="When it is looked at again.")

    class Meta:
        default_permissions = ()
        ordering = ["source", "first_id"]
        constraints = [
            models.UniqueConstraint(fields=["source", "first_id"], name="one_counted_block_of_an_id"),
            models.UniqueConstraint(fields=["source"], condition=Q(end_id=None), name="one_newest_block"),
            models.CheckConstraint(condition=Q(end_id=None) | Q(end_id__gt=F("first_id")), name="block_has_rows"),
        ]

    def __str__(self) -> str:
        return f"{self.source} from {self.first_id}"
