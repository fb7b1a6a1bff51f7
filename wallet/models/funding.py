"""Obligations, the charges that pay them, and refunds."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit.fields import FreeTextField
from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from wallet import states
from wallet.models.wallets import Cardholder, FundingMethod
from wallet.references import Subject


class FundingObligation(models.Model):
    """What one approval owes: an amount that the person's own cards must pay, once.

    Charges are the attempts to collect it. `reference` names what was approved, in the words of the approver, and is
    unique: a second obligation for the same approval is impossible.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    cardholder = models.ForeignKey(Cardholder, on_delete=models.PROTECT, related_name="obligations", db_index=False)
    reference = models.CharField(max_length=120, help_text="decision:<uuid>")
    purchase = models.CharField(
        max_length=120,
        blank=True,
        db_default="",
        help_text=gettext_lazy("What it belongs to: authorization:<id> or card:<id>"),
    )
    description = FreeTextField(max_length=200, blank=True)
    amount_minor = models.BigIntegerField()
    released_minor = models.BigIntegerField(
        default=0, db_default=0, help_text=gettext_lazy("Given up of it before a hold was captured: it is never taken.")
    )
    currency = models.CharField(max_length=3)
    policy = models.CharField(
        max_length=20,
        choices=states.Policy.choices,
        default=states.Policy.CHARGE_NOW,
        db_default=states.Policy.CHARGE_NOW,
    )
    capture_due_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=gettext_lazy("Merchants take no more of it: what is held is captured from then on."),
    )
    status = models.CharField(max_length=20, choices=states.Obligation.choices, default=states.Obligation.OPEN)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        # Written on the decision's path: one index each, where unique or db_index would make a second one for LIKE.
        indexes = [
            models.Index(fields=["purchase"], name="obligation_of_purchase"),
            models.Index(fields=["cardholder", "-id"], name="obligation_of_person"),
            # Few at a time: the cascade's sweep looks for them.
            models.Index(fields=["updated_at"], name="obligation_failed", condition=Q(status="failed")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="one_obligation_per_reference"),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, amount_minor__lte=MAX_AMOUNT_MINOR), name="obligation_amount_in_bounds"
            ),
            models.CheckConstraint(
                condition=Q(released_minor__gte=0, released_minor__lt=F("amount_minor")),
                name="obligation_releases_a_part",
            ),
        ]

    def __str__(self) -> str:
        return _("%(money)s for %(what)s") % {"money": self.money, "what": self.description or self.reference}

    @property
    def money(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def payable(self) -> Money:
        """What a charge takes: the amount less what was given up while it was only held."""
        return Money(self.amount_minor - self.released_minor, self.currency)

    @property
    def is_top_up(self) -> bool:
        """Whether the money goes on a card, from the source that the person chose; it belongs to no purchase."""
        return Subject.CARD.named_by(self.purchase)


class FundingCharge(models.Model):
    """One attempt to charge one funding method for an obligation.

    The row and its idempotency key are committed before the processor is called (money-safety I9). A constraint allows
    at most one live or successful charge of an obligation.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    obligation = models.ForeignKey(FundingObligation, on_delete=models.PROTECT, related_name="charges", db_index=False)
    method = models.ForeignKey(FundingMethod, on_delete=models.PROTECT, related_name="charges", db_index=False)
    sequence = models.PositiveSmallIntegerField(
        default=1, help_text=gettext_lazy("1 is the routed choice; later ones are fallbacks.")
    )
    amount_minor = models.BigIntegerField(
        null=True,
        blank=True,
        help_text=gettext_lazy("Where less was owed when it was written; empty for the whole obligation."),
    )
    carried_minor = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text=gettext_lazy("Taken along from earlier purchases, too small to be charged alone."),
    )
    status = models.CharField(max_length=20, choices=states.Charge.choices, default=states.Charge.INTENDED)
    idempotency_key = models.CharField(max_length=120)
    # NULL while the processor has not answered: several rows may be without one.
    processor_charge_id = models.CharField(max_length=64, null=True, blank=True, help_text="pi_…")  # noqa: DJ001
    failure_code = FreeTextField(max_length=80, blank=True)
    failure_message = FreeTextField(max_length=300, blank=True)
    attempts = models.PositiveIntegerField(default=0, help_text=gettext_lazy("Calls made with this key."))
    first_sent_at = models.DateTimeField(
        null=True, blank=True, help_text=gettext_lazy("The key's life is counted from here.")
    )
    claimed_until = models.DateTimeField(null=True, blank=True, help_text=gettext_lazy("A worker is on it until then."))
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor=None) | Q(amount_minor__gt=0, amount_minor__lte=MAX_AMOUNT_MINOR),
                name="charge_amount_in_bounds",
            ),
            models.UniqueConstraint(fields=["idempotency_key"], name="one_charge_per_key"),
            models.UniqueConstraint(fields=["processor_charge_id"], name="one_charge_per_processor_id"),
            models.UniqueConstraint(fields=["obligation", "sequence"], name="one_charge_per_step"),
            models.UniqueConstraint(
                fields=["obligation"], condition=Q(status__in=states.LIVE_CHARGE), name="one_live_charge_per_obligation"
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="charge_due", condition=Q(status__in=states.DUE_CHARGE)),
            # For recent payments: the rewards book and the reconciliation search by this.
            models.Index(fields=["finished_at", "id"], name="charge_paid_at", condition=Q(status="succeeded")),
            # Few at a time: the cascade's sweep looks for them.
            models.Index(fields=["updated_at"], name="charge_needs_person", condition=Q(status="requires_action")),
            # What staff look for: the charges of a card, and those of some days.
            models.Index(fields=["method", "-id"], name="charge_of_card"),
            models.Index(fields=["created_at", "id"], name="charge_in_time"),
        ]

    def __str__(self) -> str:
        return _("%(money)s to %(card)s") % {"money": self.money, "card": self.method}

    @property
    def money(self) -> Money:
        """The amount that the card is asked for. Less of a hold may be taken (`FundingObligation.payable`)."""
        whole = self.obligation.amount_minor
        return Money(whole if self.amount_minor is None else self.amount_minor, self.obligation.currency)

    @property
    def asked(self) -> Money:
        """The amount that the processor is asked for: the charge's own and the carried amounts."""
        return Money(self.money.minor + self.carried_minor, self.obligation.currency)


class FundingRefund(models.Model):
    """A full or partial refund to the funding card that paid an obligation.

    The row and its key are committed before the processor is called, as for charges. It waits without a due time until
    the obligation is paid, and is canceled when it never is.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    obligation = models.ForeignKey(FundingObligation, on_delete=models.PROTECT, related_name="refunds")
    charge = models.ForeignKey(FundingCharge, null=True, blank=True, on_delete=models.PROTECT, related_name="refunds")
    amount_minor = models.BigIntegerField()
    reason = FreeTextField(max_length=200)
    status = models.CharField(max_length=20, choices=states.Refund.choices, default=states.Refund.INTENDED)
    idempotency_key = models.CharField(max_length=120)
    processor_refund_id = models.CharField(max_length=64, null=True, blank=True, help_text="re_…")  # noqa: DJ001
    failure_code = FreeTextField(max_length=80, blank=True)
    failure_message = FreeTextField(max_length=300, blank=True)
    attempts = models.PositiveIntegerField(default=0, help_text=gettext_lazy("Calls made with this key."))
    first_sent_at = models.DateTimeField(
        null=True, blank=True, help_text=gettext_lazy("The key's life is counted from here.")
    )
    claimed_until = models.DateTimeField(null=True, blank=True, help_text=gettext_lazy("A worker is on it until then."))
    next_attempt_at = models.DateTimeField(
        null=True, blank=True, help_text=gettext_lazy("Empty while the charge has no outcome.")
    )
    finished_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, amount_minor__lte=MAX_AMOUNT_MINOR), name="refund_amount_in_bounds"
            ),
            models.UniqueConstraint(fields=["idempotency_key"], name="one_refund_per_key"),
            models.UniqueConstraint(fields=["processor_refund_id"], name="one_refund_per_processor_id"),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="refund_due", condition=Q(status__in=states.DUE_REFUND)),
            models.Index(
                fields=["finished_at", "id"],
                name="refund_ended_at",
                condition=Q(status__in=("succeeded", "failed", "canceled")),
            ),
        ]

    def __str__(self) -> str:
        return _("%(money)s back to %(method)s") % {
            "money": self.money,
            "method": self.charge.method if self.charge else self.obligation,
        }

    @property
    def money(self) -> Money:
        return Money(self.amount_minor, self.obligation.currency)
