"""Virtual cards, who their holders are at each issuer, and what was asked of the issuer about them."""

import uuid

from django.contrib.postgres.functions import RandomUUID
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import states
from onecard.kit.fields import FreeJsonField, FreeTextField
from onecard.kit.money import MAX_AMOUNT_MINOR
from wallet.models import Cardholder
from wallet.references import Subject


class Provider(models.TextChoices):
    """Whose card it is."""

    STRIPE = "stripe", gettext_lazy("Stripe Issuing")
    MARQETA = "marqeta", gettext_lazy("Marqeta")
    MOCK = "mock", gettext_lazy("Mock (development)")


class VirtualCard(models.Model):
    """The one card that a person carries; limits are ours and count in the cardholder's own days."""

    class CardType(models.TextChoices):
        VISA = "visa", gettext_lazy("Visa")
        MASTERCARD = "mastercard", gettext_lazy("Mastercard")

    public_id = models.UUIDField(default=uuid.uuid4, db_default=RandomUUID(), unique=True, editable=False)
    cardholder = models.ForeignKey(Cardholder, on_delete=models.PROTECT, related_name="virtual_cards")
    card_type = models.CharField(max_length=20, choices=CardType.choices)
    issuer_provider = models.CharField(max_length=20, choices=Provider.choices)
    issuer_card_id = models.CharField(
        max_length=64, blank=True, help_text=gettext_lazy("Empty until the issuer has made it.")
    )
    issuer_card_token = models.CharField(max_length=64, blank=True)
    last_four = models.CharField(
        max_length=4, blank=True, validators=[RegexValidator(r"^\d{4}$", gettext_lazy("Four digits."))]
    )
    encrypted_card_number = models.TextField(blank=True, editable=False)
    encrypted_cvv = models.TextField(blank=True, editable=False)
    expiry_month = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(12)]
    )
    expiry_year = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(2000), MaxValueValidator(2099)]
    )
    currency = models.CharField(max_length=3, default="USD")
    daily_limit_minor = models.BigIntegerField(default=100_000, validators=[MinValueValidator(0)])
    monthly_limit_minor = models.BigIntegerField(default=500_000, validators=[MinValueValidator(0)])
    per_transaction_limit_minor = models.BigIntegerField(default=50_000, validators=[MinValueValidator(0)])
    status = models.CharField(max_length=20, choices=states.Card.choices, default=states.Card.PENDING)
    balance_minor = models.BigIntegerField(
        default=0, db_default=0, editable=False, help_text=gettext_lazy("Put on the card beforehand.")
    )
    spends_balance = models.BooleanField(
        gettext_lazy("spends its balance first"),
        default=False,
        db_default=False,
        help_text=gettext_lazy("What was put on the card pays first; a funding card pays the rest."),
    )
    frozen_by = models.CharField(
        max_length=20,
        blank=True,
        default="",
        db_default="",
        editable=False,
        choices=states.Stopper.choices,
        help_text=gettext_lazy(
            "Who froze or suspended it, while it is; empty for a card that was frozen in older times."
        ),
    )
    compliance_flags = FreeJsonField(default=list, blank=True)
    last_synced_at = models.DateTimeField(null=True, blank=True)
    stop_reported_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text=gettext_lazy("Its issuer reported a stop: purchases are declined until the issuer was asked."),
    )
    comparison_due_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text=gettext_lazy("When the issuer is asked next how this card stands."),
    )
    replaces = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="replacements",
        db_index=False,
        help_text=gettext_lazy("The card that this one took the place of, with its balance."),
    )
    replacement_reason = models.CharField(
        max_length=20,
        blank=True,
        default="",
        db_default="",
        editable=False,
        choices=states.Replacement.choices,
        help_text=gettext_lazy("Why its holder had the earlier card replaced; empty for a first card."),
    )
    version = models.BigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["id"]
        permissions = [("reveal_card_data", "Can see the whole number of a card")]
        indexes = [
            models.Index(
                fields=["comparison_due_at"], name="comparison_due", condition=Q(comparison_due_at__isnull=False)
            ),
            # Staff search for a person by the last four digits of a card.
            models.Index(fields=["last_four"], name="card_last_four"),
            models.Index(fields=["replaces"], name="card_that_came_after", condition=Q(replaces__isnull=False)),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["replaces"], condition=~Q(status=states.Card.CLOSED), name="one_living_replacement"
            ),
            models.CheckConstraint(
                condition=Q(balance_minor__gte=0, balance_minor__lte=MAX_AMOUNT_MINOR), name="card_balance_in_bounds"
            ),
            models.UniqueConstraint(
                fields=["issuer_provider", "issuer_card_id"],
                condition=~Q(issuer_card_id=""),
                name="one_card_per_issuer_id",
            ),
            models.CheckConstraint(
                condition=Q(status=states.Card.PENDING) | Q(status=states.Card.CLOSED) | ~Q(issuer_card_id=""),
                name="a_working_card_is_known_to_its_issuer",
            ),
            models.CheckConstraint(
                condition=Q(daily_limit_minor__range=(0, MAX_AMOUNT_MINOR))
                & Q(monthly_limit_minor__range=(0, MAX_AMOUNT_MINOR))
                & Q(per_transaction_limit_minor__range=(0, MAX_AMOUNT_MINOR)),
                name="card_limits_in_bounds",
            ),
            # A purchase is never given more than a day, nor a day more than a month, whoever writes the row.
            models.CheckConstraint(
                condition=Q(per_transaction_limit_minor__lte=F("daily_limit_minor"))
                & Q(daily_limit_minor__lte=F("monthly_limit_minor")),
                name="card_limits_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_card_type_display()} •••• {self.last_four}"


class IssuerAccount(models.Model):
    """Who a cardholder is at one issuer; a person with cards at both has two."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    cardholder = models.ForeignKey(Cardholder, on_delete=models.PROTECT, related_name="issuer_accounts", db_index=False)
    provider = models.CharField(max_length=20, choices=Provider.choices)
    issuer_cardholder_id = models.CharField(
        max_length=64, blank=True, help_text=gettext_lazy("Empty until the issuer has made it.")
    )
    identity_standing = models.CharField(
        max_length=20,
        blank=True,
        default="",
        db_default="",
        help_text=gettext_lazy("What the issuer reported of the identity last."),
    )
    identity_reported_at = models.DateTimeField(
        null=True, blank=True, help_text=gettext_lazy("An older report changes nothing.")
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cardholder", "provider"], name="one_account_per_issuer"),
            models.UniqueConstraint(
                fields=["provider", "issuer_cardholder_id"],
                condition=~Q(issuer_cardholder_id=""),
                name="one_account_per_issuer_id",
            ),
        ]

    def __str__(self) -> str:
        return _("%(person)s at %(issuer)s") % {"person": self.cardholder, "issuer": self.get_provider_display()}


class CardChange(models.Model):
    """Something asked of an issuer about a card: committed before the issuer is called, and settled after.

    The key makes a repeat of the call the same change (idempotency key at Stripe, client token at Marqeta).
    """

    class Kind(models.TextChoices):
        CREATE = "create", gettext_lazy("Create")
        ACTIVATE = "activate", gettext_lazy("Activate")
        FREEZE = "freeze", gettext_lazy("Freeze")
        UNFREEZE = "unfreeze", gettext_lazy("Unfreeze")
        CLOSE = "close", gettext_lazy("Close")
        LIMITS = "limits", gettext_lazy("Change limits")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    card = models.ForeignKey(VirtualCard, on_delete=models.PROTECT, related_name="changes")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    status = models.CharField(max_length=20, choices=states.Change.choices, default=states.Change.INTENDED)
    reason = FreeTextField(max_length=200, blank=True)
    requested_by = models.CharField(max_length=80)
    failure_code = FreeTextField(max_length=80, blank=True)
    failure_message = FreeTextField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    may_have_arrived = models.BooleanField(
        default=False,
        db_default=False,
        help_text=gettext_lazy("A try was sent, or its worker died: the issuer may have done it."),
    )
    claimed_until = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="change_due", condition=Q(status__in=states.OPEN_CHANGE)),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.card}"

    @property
    def reference(self) -> str:
        """What cases call it."""
        return Subject.CARD_CHANGE.reference(self.pk)
