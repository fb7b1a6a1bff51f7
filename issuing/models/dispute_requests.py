"""What cardholders ask to have disputed, and the files that they give as evidence."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.models.authorizations import Authorization
from issuing.models.disputes import Dispute
from issuing.models.transactions import CardTransaction
from onecard.kit.fields import FreeTextField
from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from wallet.models import Cardholder

LIVE = (*states.OPEN_DISPUTE_REQUEST, states.DisputeRequest.SUBMITTED)


class DisputeRequest(models.Model):
    """A cardholder's request to dispute a capture.

    Staff review it, a worker submits it, and then `dispute` says what becomes of it.
    """

    class Reason(models.TextChoices):
        """Stripe's reasons of evidence; each issuer's adapter puts them in its own words."""

        NOT_RECEIVED = "not_received", gettext_lazy("It never arrived")
        FRAUDULENT = "fraudulent", gettext_lazy("I did not buy this")
        DUPLICATE = "duplicate", gettext_lazy("I was charged twice")
        CANCELED = "canceled", gettext_lazy("I had canceled it")
        NOT_AS_DESCRIBED = "merchandise_not_as_described", gettext_lazy("It is not what was described")
        NO_VALID_AUTHORIZATION = "no_valid_authorization", gettext_lazy("The charge was not authorized")
        OTHER = "other", gettext_lazy("Something else")

    public_id = models.UUIDField(
        default=uuid.uuid4, unique=True, editable=False, help_text=gettext_lazy("Also the issuer's key.")
    )
    cardholder = models.ForeignKey(Cardholder, on_delete=models.PROTECT, related_name="dispute_requests")
    authorization = models.ForeignKey(
        Authorization, on_delete=models.PROTECT, related_name="dispute_requests", verbose_name="purchase"
    )
    transaction = models.ForeignKey(
        CardTransaction, on_delete=models.PROTECT, related_name="dispute_requests", db_index=False
    )
    dispute = models.OneToOneField(
        Dispute,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="request",
        help_text=gettext_lazy("At the issuer."),
    )
    reason = models.CharField(max_length=40, choices=Reason.choices)
    text = FreeTextField(max_length=2000, lines=True, help_text=gettext_lazy("In the cardholder's words."))
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(
        max_length=20, choices=states.DisputeRequest.choices, default=states.DisputeRequest.REQUESTED
    )
    refusal = FreeTextField(
        max_length=300, blank=True, help_text=gettext_lazy("Why we did not submit it; the cardholder reads it.")
    )
    due_at = models.DateTimeField(
        help_text=gettext_lazy("After this the card network takes no dispute of this capture.")
    )
    accepted_at = models.DateTimeField(null=True, blank=True, help_text=gettext_lazy("When staff submitted it."))
    attempts = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True, help_text=gettext_lazy("A worker sends it until then."))
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    failure_message = FreeTextField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            # A capture whose dispute has ended is not disputed again, as at the networks; one that we refused may be.
            models.UniqueConstraint(
                fields=["transaction"], condition=Q(status__in=LIVE), name="one_dispute_request_per_capture"
            ),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, amount_minor__lte=MAX_AMOUNT_MINOR),
                name="dispute_request_amount_in_bounds",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="dispute_request_by_due",
                condition=Q(status__in=states.OPEN_DISPUTE_REQUEST),
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()}: {self.money}"

    @property
    def money(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def reference(self) -> str:
        """What its cases call it."""
        return f"dispute_request:{self.pk}"


class DisputeEvidence(models.Model):
    """One file of a dispute request; its content is sealed."""

    class Kind(models.TextChoices):
        PDF = "application/pdf", "PDF"
        PNG = "image/png", "PNG"
        JPEG = "image/jpeg", "JPEG"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    request = models.ForeignKey(DisputeRequest, on_delete=models.PROTECT, related_name="evidence")
    name = FreeTextField(max_length=120)
    kind = models.CharField(
        max_length=40, choices=Kind.choices, help_text=gettext_lazy("By the content's first bytes.")
    )
    size_bytes = models.PositiveIntegerField()
    goes_to_issuer = models.BooleanField(
        default=False, db_default=False, editable=False, help_text=gettext_lazy("Staff chose it for the issuer.")
    )
    sealed = models.BinaryField(help_text=gettext_lazy("Sealed with the first key of CARD_DATA_KEYS."))
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        verbose_name = gettext_lazy("dispute evidence")
        verbose_name_plural = gettext_lazy("dispute evidence")
        permissions = [("download_dispute_evidence", "Can download the evidence of a dispute")]

    def __str__(self) -> str:
        return self.name
