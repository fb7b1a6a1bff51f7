"""The audit trail: what happened and who did it. Triggers in the database keep rows from being changed."""

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit.fields import FreeJsonField


class Entry(models.Model):
    """One state change or action of a person, written in the same commit as the change."""

    recorded_at = models.DateTimeField()
    actor = models.CharField(max_length=80, help_text="user:<id>, issuer:<name>, processor:<name> or system:<part>")
    action = models.CharField(max_length=60, help_text=gettext_lazy("What was done, such as authorization.approved"))
    subject_type = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=64)
    details = FreeJsonField(default=dict, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "entries"
        indexes = [
            models.Index(fields=["subject_type", "subject_id"], name="audit_subject"),
            # The one limit that is counted from the trail while a user waits. A full index would cost each purchase.
            models.Index(
                fields=["actor", "recorded_at"], name="audit_reveals", condition=models.Q(action="card_data.reveal")
            ),
        ]

    def __str__(self) -> str:
        return _("%(action)s %(subject_type)s:%(subject_id)s by %(actor)s") % {
            "action": self.action,
            "subject_type": self.subject_type,
            "subject_id": self.subject_id,
            "actor": self.actor,
        }
