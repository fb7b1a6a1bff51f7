"""What the issuers delivered."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.models.cards import Provider
from issuing.models.compressed_body import CompressedBody
from onecard.kit.fields import FreeTextField
from wallet.references import Subject


class IssuerEvent(models.Model):
    """One delivery with a genuine signature, as it came; the evidence never changes, only what became of it.

    The row stays for ever, so that the event counts once. Its body is archived some day: issuing/inbox/bodies.py.
    """

    provider = models.CharField(max_length=20, choices=Provider.choices)
    event_id = models.CharField(
        max_length=120, help_text=gettext_lazy("The issuer's id; for a body without one, its hash.")
    )
    event_type = FreeTextField(max_length=120, blank=True)
    object_id = models.CharField(max_length=120, blank=True)
    original_mac = models.CharField(
        max_length=64,
        blank=True,
        db_default="",
        editable=False,
        help_text=gettext_lazy(
            "Set where card data was covered: proves which bytes came (onecard/kit/masked_body.py)."
        ),
    )
    fingerprint = models.CharField(
        max_length=64,
        blank=True,
        db_default="",
        editable=False,
        help_text=gettext_lazy(
            "A hash of what it says; another one under the same id is a contradiction. Empty: not known."
        ),
    )
    received_at = models.DateTimeField()
    status = models.CharField(max_length=20, choices=states.Event.choices, default=states.Event.RECEIVED)
    reason = FreeTextField(max_length=300, blank=True)
    handled_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text=gettext_lazy("How often applying it failed.")
    )
    next_attempt_at = models.DateTimeField(
        null=True, blank=True, help_text=gettext_lazy("When it is tried again after it failed; empty: at once.")
    )

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["provider", "event_id"], name="one_row_per_event")]
        indexes = [
            models.Index(fields=["received_at"], name="event_waiting", condition=Q(status="received")),
            # Written on the decision's path: one index, where db_index would make a second one for LIKE.
            models.Index(fields=["object_id"], name="event_of_object"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type or 'event'} {self.event_id}"

    @property
    def reference(self) -> str:
        """What cases call it."""
        return Subject.ISSUER_EVENT.reference(self.pk)


class EventBody(models.Model):
    """What an event said. The table has a partition for each month, which is archived and dropped as a whole.

    So the database's key is (event_id, received_at), and no constraint ties it to the event, which is never deleted.
    """

    event = models.OneToOneField(
        IssuerEvent, on_delete=models.DO_NOTHING, primary_key=True, db_constraint=False, related_name="+"
    )
    received_at = models.DateTimeField()
    body = CompressedBody(help_text=gettext_lazy("The raw bytes that the signature covers, with card numbers covered."))

    class Meta:
        default_permissions = ()
        verbose_name_plural = "event bodies"

    def __str__(self) -> str:
        return f"body of event {self.event_id}"
