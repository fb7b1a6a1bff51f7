"""Whose money it is and where it moves: cardholders, their own cards, and what was charged to them.

The wallet's rows carry versions that triggers in the database raise (migration 0002), so that a decision can tell at
commit time whether what it read still holds.
"""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from wallet import states


class Network(models.TextChoices):
    """Card networks, under the keys that the walkthrough's rankings use."""

    VISA = "visa", "Visa"
    MASTERCARD = "mastercard", "Mastercard"
    AMEX = "amex", "American Express"
    DISCOVER = "discover", "Discover"


class KycStatus(models.TextChoices):
    """How far the person's identity has been checked; only `verified` may spend."""

    PENDING = "pending", "Pending"
    VERIFIED = "verified", "Verified"
    REJECTED = "rejected", "Rejected"


class Preference(models.TextChoices):
    """What the person wants to earn (spec section 4)."""

    CASH = "cash", "Cash back"
    REWARDS = "rewards", "Points and miles"


def default_currencies() -> list[str]:
    return ["USD"]


def validate_time_zone(name: str) -> None:
    """Raises ValidationError unless the name is an IANA zone that this machine knows."""
    import zoneinfo

    from django.core.exceptions import ValidationError

    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"{name!r} is not a time zone; write it like America/New_York.")


class CardProduct(models.Model):
    """A kind of card that an issuer sells, such as Citi Double Cash; what ranking rows of scope product name."""

    key = models.SlugField(max_length=60, unique=True, help_text="Stable key for imports, such as citi-double-cash")
    name = models.CharField(max_length=120)
    issuer = models.CharField(max_length=80, blank=True)
    network = models.CharField(max_length=20, choices=Network.choices)
    annual_fee_minor = models.BigIntegerField(default=0, validators=[MinValueValidator(0)])
    fee_currency = models.CharField(max_length=3, default="USD")

    class Meta:
        ordering = ["name"]
        constraints = [models.CheckConstraint(condition=Q(annual_fee_minor__gte=0), name="product_fee_not_negative")]

    def __str__(self) -> str:
        return self.name


class Cardholder(models.Model):
    """A person who carries a virtual card, with the wallet of their own cards behind it."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="cardholder")
    name = models.CharField(max_length=80)
    kyc_status = models.CharField(max_length=20, choices=KycStatus.choices, default=KycStatus.PENDING)
    time_zone = models.CharField(
        max_length=60,
        default="America/New_York",
        validators=[validate_time_zone],
        help_text="Daily and monthly limits count in this zone's days.",
    )
    preference = models.CharField(max_length=20, choices=Preference.choices, default=Preference.CASH)
    processor_customer_id = models.CharField(max_length=64, blank=True, help_text="Stripe customer, cus_…")
    issuer_cardholder_id = models.CharField(max_length=64, blank=True, help_text="At the card's issuer, ich_…")
    phone = models.CharField(max_length=20, blank=True, help_text="International, such as +14155550100")
    address_line1 = models.CharField("address", max_length=120, blank=True)
    address_city = models.CharField("city", max_length=80, blank=True)
    address_state = models.CharField("state", max_length=40, blank=True)
    address_postal_code = models.CharField("postal code", max_length=20, blank=True)
    address_country = models.CharField("country", max_length=2, blank=True, help_text="Two letters, such as US")
    wallet_version = models.BigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "wallet"

    def __str__(self) -> str:
        return self.name

    @property
    def kyc_verified(self) -> bool:
        return self.kyc_status == KycStatus.VERIFIED


class FundingMethod(models.Model):
    """One of the person's own cards, saved at the processor, that a purchase can be charged to."""

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        DISABLED = "disabled", "Disabled"
        DETACHED = "detached", "Detached at the processor"

    cardholder = models.ForeignKey(Cardholder, on_delete=models.PROTECT, related_name="funding_methods")
    product = models.ForeignKey(CardProduct, null=True, blank=True, on_delete=models.PROTECT)
    name = models.CharField(max_length=120)
    network = models.CharField(max_length=20, choices=Network.choices)
    last_four = models.CharField(max_length=4, validators=[RegexValidator(r"^\d{4}$", "Four digits.")])
    expiry_month = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(12)])
    expiry_year = models.PositiveSmallIntegerField(validators=[MinValueValidator(2000), MaxValueValidator(2099)])
    processor_method_id = models.CharField(max_length=64, unique=True, help_text="Stripe payment method, pm_…")
    currencies = ArrayField(
        models.CharField(max_length=3),
        default=default_currencies,
        help_text="Currencies it can be charged in, comma list.",
    )
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.ACTIVE)
    is_backup = models.BooleanField("backup card", default=False)
    position = models.PositiveSmallIntegerField(
        "wallet order", default=0, help_text="The person's own order: the smaller one wins a tie."
    )
    cooling_until = models.DateTimeField(
        null=True, blank=True, help_text="Left out of routing until then, after a failed charge."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["cardholder", "position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["cardholder"], condition=Q(is_backup=True), name="one_backup_per_wallet"),
            models.CheckConstraint(condition=Q(expiry_month__range=(1, 12)), name="method_expiry_month"),
        ]

    def __str__(self) -> str:
        return f"{self.name} •••• {self.last_four}"


class FundingObligation(models.Model):
    """What one approval owes: an amount that the person's own cards must pay, once.

    Charges are its attempts. `reference` names what was approved, in the words of whoever approved it; the pair
    makes a second obligation for the same approval impossible.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    cardholder = models.ForeignKey(Cardholder, on_delete=models.PROTECT, related_name="obligations")
    reference = models.CharField(max_length=120, unique=True, help_text="decision:<uuid>")
    description = models.CharField(max_length=200, blank=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=20, choices=states.Obligation.choices, default=states.Obligation.OPEN)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, amount_minor__lte=MAX_AMOUNT_MINOR), name="obligation_amount_in_bounds"
            )
        ]

    def __str__(self) -> str:
        return f"{self.money} for {self.description or self.reference}"

    @property
    def money(self) -> Money:
        return Money(self.amount_minor, self.currency)


class FundingCharge(models.Model):
    """One attempt to charge one funding method for an obligation.

    The row and its idempotency key are committed before the processor is called (money-safety I9), and at most one
    charge of an obligation may be alive or successful at a time: the constraint says so, not only the code.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    obligation = models.ForeignKey(FundingObligation, on_delete=models.PROTECT, related_name="charges")
    method = models.ForeignKey(FundingMethod, on_delete=models.PROTECT, related_name="charges")
    sequence = models.PositiveSmallIntegerField(
        default=1, help_text="1 is the routed choice; later ones are fallbacks."
    )
    status = models.CharField(max_length=20, choices=states.Charge.choices, default=states.Charge.INTENDED)
    idempotency_key = models.CharField(max_length=120, unique=True)
    processor_charge_id = models.CharField(max_length=64, null=True, blank=True, unique=True, help_text="pi_…")
    failure_code = models.CharField(max_length=80, blank=True)
    failure_message = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveIntegerField(default=0, help_text="Calls made with this key.")
    first_sent_at = models.DateTimeField(null=True, blank=True, help_text="The key's life is counted from here.")
    claimed_until = models.DateTimeField(null=True, blank=True, help_text="A worker is on it until then.")
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["obligation", "sequence"], name="one_charge_per_step"),
            models.UniqueConstraint(
                fields=["obligation"], condition=Q(status__in=states.LIVE_CHARGE), name="one_live_charge_per_obligation"
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="charge_due", condition=Q(status__in=states.DUE_CHARGE)),
        ]

    def __str__(self) -> str:
        return f"{self.obligation.money} to {self.method}"


class Case(models.Model):
    """Something that needs a person: what happened, the money at stake, and whether it is settled."""

    class Kind(models.TextChoices):
        FUNDING_DECLINED = "funding_declined", "Funding card declined after approval"
        FUNDING_NEEDS_CARDHOLDER = "funding_needs_cardholder", "Cardholder must confirm the charge"
        FUNDING_REFUSED = "funding_refused", "Processor refused the request"
        FUNDING_UNKNOWN = "funding_unknown", "Outcome of the charge is unknown"
        CHARGED_WITHOUT_PURCHASE = "charged_without_purchase", "Charged, but the purchase did not happen"
        TWO_CHARGES = "two_charges", "Processor reports a second successful charge"
        APPROVED_WITHOUT_US = "approved_without_us", "Issuer approved by itself, nobody was charged"
        CARD_DIFFERS = "card_differs", "Card differs from what its issuer says"
        TRANSACTION_DIFFERS = "transaction_differs", "Transaction differs from what its issuer says"

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        RESOLVED = "resolved", "Resolved"

    kind = models.CharField(max_length=40, choices=Kind.choices)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.OPEN)
    reference = models.CharField(max_length=120, help_text="What it is about: obligation:<id> or authorization:<id>")
    obligation = models.ForeignKey(
        FundingObligation, null=True, blank=True, on_delete=models.PROTECT, related_name="cases"
    )
    summary = models.CharField(max_length=300)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    opened_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "reference"], condition=Q(status="open"), name="one_open_case_of_a_kind"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.money}"

    @property
    def money(self) -> Money:
        return Money(self.amount_minor, self.currency)
