"""Pauses of calls to the processor while it refuses our own account."""

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit.fields import FreeTextField


class ProcessorPause(models.Model):
    """A kind of call that the processor refuses for our whole account, and when it is tried again.

    A row exists only while the refusal lasts. Every worker reads it before it calls.
    """

    class Operation(models.TextChoices):
        CHARGES = "charges", gettext_lazy("Charges and captures")
        REFUNDS = "refunds", gettext_lazy("Refunds")
        LOOK_UPS = "look_ups", gettext_lazy("Look-ups of saved cards")

    operation = models.CharField(max_length=20, choices=Operation.choices)
    failure_code = FreeTextField(max_length=80, blank=True)
    failure_message = FreeTextField(max_length=300)
    refusals = models.PositiveIntegerField(default=1, help_text=gettext_lazy("Tries in a row that were refused."))
    since = models.DateTimeField()
    probe_at = models.DateTimeField(
        help_text=gettext_lazy("From then on one call is made to see whether it works again.")
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["operation"], name="one_pause_per_operation")]

    def __str__(self) -> str:
        return _("%(operation)s paused: %(failure_message)s") % {
            "operation": self.get_operation_display(),
            "failure_message": self.failure_message,
        }
