"""Cardholders, card products, and the cardholders' own cards.

Triggers (wallet/sql/triggers) raise the versions in the wallet's rows, so that a decision can check at its commit that
what it read is still true.
"""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Reverse, Upper
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import time_zones
from onecard.kit.fields import FreeTextField, TimeZoneField
from onecard.kit.money import Money
from wallet.states import ComplianceFlag, KycStatus


class Network(models.TextChoices):
    """Card networks under the keys that rankings use."""

    VISA = "visa", gettext_lazy("Visa")
    MASTERCARD = "mastercard", gettext_lazy("Mastercard")
    AMEX = "amex", gettext_lazy("American Express")
    DISCOVER = "discover", gettext_lazy("Discover")


class Preference(models.TextChoices):
    """The rewards that the person wants to earn (docs/routing.md)."""

    CASH = "cash", gettext_lazy("Cash back")
    REWARDS = "rewards", gettext_lazy("Points and miles")
    VALUE = "value", gettext_lazy("Most money, by the cards' terms")


def default_currencies() -> list[str]:
    return ["USD"]


def validate_time_zone(name: str) -> None:
    """Raises ValidationError unless the name is an IANA zone."""
    from django.core.exceptions import ValidationError

    if not time_zones.is_known(name):
        raise ValidationError(_("%(name)s is not a time zone; write it like America/New_York.") % {"name": repr(name)})


class FundingType(models.TextChoices):
    """What pays behind a card, in the processor's words."""

    CREDIT = "credit", gettext_lazy("Credit")
    DEBIT = "debit", gettext_lazy("Debit")
    PREPAID = "prepaid", gettext_lazy("Prepaid")
    UNKNOWN = "unknown", gettext_lazy("Unknown")


class CardProduct(models.Model):
    """A kind of card that an issuer sells, such as Citi Double Cash. Ranking rows of scope product name it."""

    key = models.SlugField(
        max_length=60, db_index=False, help_text=gettext_lazy("Stable key for imports, such as citi-double-cash")
    )
    name = FreeTextField(max_length=120)
    issuer = FreeTextField(max_length=80, blank=True)
    network = models.CharField(max_length=20, choices=Network.choices)
    annual_fee_minor = models.BigIntegerField(default=0, validators=[MinValueValidator(0)])
    fee_currency = models.CharField(max_length=3, default="USD")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["key"], name="one_product_per_key"),
            models.CheckConstraint(condition=Q(annual_fee_minor__gte=0), name="product_fee_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def fee(self) -> Money:
        """What the card costs a year."""
        return Money(self.annual_fee_minor, self.fee_currency)


class Cardholder(models.Model):
    """A person who carries a virtual card, with the wallet of their own cards behind it."""

    public_id = models.UUIDField(default=uuid.uuid4, db_default=RandomUUID(), unique=True, editable=False)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="cardholder")
    name = FreeTextField(max_length=80)
    legal_first_name = FreeTextField(
        gettext_lazy("legal first name"), max_length=40, blank=True, db_default="", default=""
    )
    legal_last_name = FreeTextField(
        gettext_lazy("legal last name"), max_length=40, blank=True, db_default="", default=""
    )
    birth_date = models.DateField(gettext_lazy("date of birth"), null=True, blank=True)
    kyc_status = models.CharField(max_length=20, choices=KycStatus.choices, default=KycStatus.NOT_STARTED)
    kyc_due_at = models.DateTimeField(
        gettext_lazy("identity verified until"),
        null=True,
        blank=True,
        editable=False,
        help_text=gettext_lazy("Empty: without an end."),
    )
    compliance_flags = ArrayField(
        models.CharField(max_length=40, choices=ComplianceFlag.choices),
        default=list,
        db_default=[],
        blank=True,
        editable=False,
        help_text=gettext_lazy("Some of them stop every purchase of the person."),
    )
    time_zone = TimeZoneField(
        max_length=60,
        default=gettext_lazy("America/New_York"),
        validators=[validate_time_zone],
        help_text=gettext_lazy("Daily and monthly limits count in this zone's days."),
    )
    preference = models.CharField(max_length=20, choices=Preference.choices, default=Preference.CASH)
    point_cents = models.JSONField(
        gettext_lazy("cents per point"),
        default=dict,
        db_default={},
        blank=True,
        help_text=gettext_lazy("What a point of each programme is worth to the person, where it is not as usual."),
    )
    processor_customer_id = models.CharField(
        max_length=64, blank=True, help_text=gettext_lazy("Stripe customer, cus_…")
    )
    customer_request_id = models.UUIDField(
        null=True,
        blank=True,
        editable=False,
        help_text=gettext_lazy("The idempotency key under which the customer is made."),
    )
    issuer_cardholder_id = models.CharField(
        max_length=64, blank=True, help_text=gettext_lazy("At the card's issuer, ich_…")
    )
    phone = models.CharField(max_length=20, blank=True, help_text=gettext_lazy("International, such as +14155550100"))
    address_line1 = FreeTextField("address", max_length=120, blank=True)
    address_line2 = FreeTextField(
        gettext_lazy("address, second line"), max_length=120, blank=True, db_default="", default=""
    )
    address_city = FreeTextField("city", max_length=80, blank=True)
    address_state = FreeTextField("state", max_length=40, blank=True)
    address_postal_code = FreeTextField(gettext_lazy("postal code"), max_length=20, blank=True)
    address_country = models.CharField(
        "country", max_length=2, blank=True, help_text=gettext_lazy("Two letters, such as US")
    )
    terms_version = models.CharField(max_length=40, blank=True, db_default="", default="", editable=False)
    terms_accepted_at = models.DateTimeField(null=True, blank=True, editable=False)
    terms_accepted_from = models.GenericIPAddressField(null=True, blank=True, editable=False)
    wallet_version = models.BigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "wallet"
        # The processor reports changes of a customer by this id.
        indexes = [
            models.Index(fields=["processor_customer_id"], name="wallet_of_customer"),
            models.Index(fields=["kyc_due_at"], name="verification_ends", condition=Q(kyc_status="verified")),
            # Staff search for a person (onecard/desk/people_search.py) by parts of a name, or a phone number
            GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="wallet_name_words"),
            GinIndex(OpClass(Upper("legal_last_name"), name="gin_trgm_ops"), name="wallet_last_name_words"),
            models.Index(OpClass(Reverse("phone"), name="text_pattern_ops"), name="wallet_phone_end"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def kyc_verified(self) -> bool:
        return self.kyc_status == KycStatus.VERIFIED


class FundingMethod(models.Model):
    """One of the person's own cards, saved at the processor; purchases can be charged to it."""

    class Status(models.TextChoices):
        ACTIVE = "active", gettext_lazy("Active")
        DISABLED = "disabled", gettext_lazy("Disabled")
        DETACHED = "detached", gettext_lazy("Detached at the processor")

    class Why(models.TextChoices):
        """The cause that ends by itself; for any other one staff enable a card again."""

        EXPIRED = "expired", gettext_lazy("It expired")

    public_id = models.UUIDField(default=uuid.uuid4, db_default=RandomUUID(), unique=True, editable=False)
    cardholder = models.ForeignKey(Cardholder, on_delete=models.PROTECT, related_name="funding_methods")
    product = models.ForeignKey(CardProduct, null=True, blank=True, on_delete=models.PROTECT, db_index=False)
    name = FreeTextField(max_length=120)
    network = models.CharField(max_length=20, choices=Network.choices)
    last_four = models.CharField(max_length=4, validators=[RegexValidator(r"^\d{4}$", gettext_lazy("Four digits."))])
    expiry_month = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(12)])
    expiry_year = models.PositiveSmallIntegerField(validators=[MinValueValidator(2000), MaxValueValidator(2099)])
    funding_type = models.CharField(
        max_length=10, choices=FundingType.choices, default=FundingType.UNKNOWN, db_default=FundingType.UNKNOWN
    )
    country = models.CharField(
        max_length=2, blank=True, db_default="", help_text=gettext_lazy("Of its bank, two letters")
    )
    fingerprint = models.CharField(
        max_length=64,
        blank=True,
        db_default="",
        help_text=gettext_lazy("Of its number, by the processor: equal for equal numbers"),
    )
    processor_method_id = models.CharField(max_length=64, help_text=gettext_lazy("Stripe payment method, pm_…"))
    currencies = ArrayField(
        models.CharField(max_length=3),
        default=default_currencies,
        help_text=gettext_lazy("Currencies it can be charged in, comma list."),
    )
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.ACTIVE)
    disabled_because = models.CharField(
        max_length=20,
        blank=True,
        default="",
        db_default="",
        editable=False,
        choices=Why.choices,
        help_text=gettext_lazy("Set where only its date disabled it: with a new date from its bank it pays again."),
    )
    is_backup = models.BooleanField(gettext_lazy("backup card"), default=False)
    position = models.PositiveSmallIntegerField(
        gettext_lazy("wallet order"),
        default=0,
        help_text=gettext_lazy("The person's own order: the smaller one wins a tie."),
    )
    cooling_until = models.DateTimeField(
        null=True, blank=True, help_text=gettext_lazy("Left out of routing until then, after a failed charge.")
    )
    statement_day = models.PositiveSmallIntegerField(
        gettext_lazy("statement day"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text=gettext_lazy("The day of the month on which a statement begins; empty: the calendar's month."),
    )
    opened_on = models.DateField(
        gettext_lazy("opened on"),
        null=True,
        blank=True,
        help_text=gettext_lazy("Yearly caps of some cards begin anew on this day; empty: the calendar's year."),
    )
    activations = models.JSONField(
        gettext_lazy("activated quarters"),
        default=dict,
        db_default={},
        blank=True,
        help_text=gettext_lazy("Quarters such as 2026Q4, each with when it was activated."),
    )
    choices = models.JSONField(
        gettext_lazy("chosen categories"),
        default=dict,
        db_default={},
        blank=True,
        help_text=gettext_lazy("The categories that the person chose, for each bonus of the card that lets them."),
    )
    renewed_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text=gettext_lazy("When its bank last sent a new number or date.")
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["cardholder", "position", "id"]
        # Staff search for a person by the last four digits of a card.
        indexes = [models.Index(fields=["last_four"], name="method_last_four")]
        constraints = [
            models.UniqueConstraint(fields=["processor_method_id"], name="one_method_per_processor_id"),
            models.UniqueConstraint(fields=["cardholder"], condition=Q(is_backup=True), name="one_backup_per_wallet"),
            models.CheckConstraint(condition=Q(expiry_month__range=(1, 12)), name="method_expiry_month"),
            models.CheckConstraint(
                condition=Q(statement_day__isnull=True) | Q(statement_day__range=(1, 31)), name="method_statement_day"
            ),
            models.UniqueConstraint(
                fields=["cardholder", "fingerprint"],
                condition=~Q(status="detached") & ~Q(fingerprint=""),
                name="one_method_per_number",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} •••• {self.last_four}"

    @property
    def is_only_expired(self) -> bool:
        """Whether it is disabled, and for nothing but its date."""
        return self.status == self.Status.DISABLED and self.disabled_because == self.Why.EXPIRED
