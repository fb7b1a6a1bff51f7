"""How a person's card is saved at the processor, and how it is taken away from there again."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit.fields import FreeTextField
from wallet import states
from wallet.models.wallets import Cardholder, FundingMethod


class CardSetup(models.Model):
    """One request to save a card. The processor's form takes the card's number, and we keep the ids only.

    The row and its idempotency key are committed before the processor is called. `request_id` stands in the
    processor's metadata, so that an event finds the row even if the processor's answer was lost.
    """

    request_id = models.UUIDField(editable=False)
    cardholder = models.ForeignKey(Cardholder, on_delete=models.PROTECT, related_name="card_setups", db_index=False)
    status = models.CharField(max_length=20, choices=states.CardSetup.choices, default=states.CardSetup.OPEN)
    # NULL while the processor has not answered: several rows may be without one.
    processor_setup_id = models.CharField(max_length=64, null=True, blank=True, help_text="seti_…")  # noqa: DJ001
    method = models.ForeignKey(
        FundingMethod, null=True, blank=True, on_delete=models.PROTECT, related_name="setups", db_index=False
    )
    refusal_code = models.CharField(max_length=40, blank=True)
    refusal = FreeTextField(
        max_length=300, blank=True, help_text=gettext_lazy("Why the card was not taken, for the person.")
    )
    # Only for a setup that the processor reported: a worker completes it if the person's device does not.
    failure_message = FreeTextField(max_length=300, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True, help_text=gettext_lazy("A worker is on it until then."))
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="card_setup_due", condition=Q(status=states.CardSetup.OPEN)),
        ]
        constraints = [
            models.UniqueConstraint(fields=["request_id"], name="one_setup_per_request"),
            models.UniqueConstraint(fields=["processor_setup_id"], name="one_setup_per_processor_id"),
            models.CheckConstraint(
                condition=Q(status="completed", method__isnull=False) | ~Q(status="completed") & Q(method__isnull=True),
                name="setup_completed_with_its_card",
            ),
        ]

    def __str__(self) -> str:
        return _("Setup %(processor_setup_id)s of %(cardholder)s") % {
            "processor_setup_id": self.processor_setup_id or self.request_id,
            "cardholder": self.cardholder,
        }


class CardDetachment(models.Model):
    """A saved card to be taken from its customer at the processor, once.

    `method` is empty for a card that never came into the wallet. The wallet stops using a card in the commit that
    writes this row; the call to the processor follows (onecard/kit/attempts.py).
    """

    processor_method_id = models.CharField(max_length=64, help_text="pm_…")
    cardholder = models.ForeignKey(Cardholder, on_delete=models.PROTECT, related_name="+", db_index=False)
    method = models.OneToOneField(
        FundingMethod, null=True, blank=True, on_delete=models.PROTECT, related_name="detachment"
    )
    requested_by = models.CharField(max_length=120)
    status = models.CharField(max_length=20, choices=states.Detachment.choices, default=states.Detachment.INTENDED)
    failure_message = FreeTextField(max_length=300, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True, help_text=gettext_lazy("A worker is on it until then."))
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["processor_method_id"], name="one_detachment_per_processor_id"),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], name="detachment_due", condition=Q(status__in=states.DUE_DETACHMENT)
            ),
        ]

    def __str__(self) -> str:
        return _("Detachment of %(method)s") % {"method": self.method or self.processor_method_id}
