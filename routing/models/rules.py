"""What cards earn, as rows that staff edit: categories, rankings, multipliers, thresholds.

Triggers (routing/sql/triggers) raise `version` on every changed row and the rulebook's version on every change. So
processes notice that their compiled rules are old, and decisions can name the very rows that they used.
"""

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit.fields import FreeTextField
from onecard.kit.separators import localised
from wallet.models import CardProduct, Network, Preference


class RewardType(models.TextChoices):
    """What a card pays in; `default` is the walkthrough's word for a base rate without a currency."""

    CASH = "cash", gettext_lazy("Cash back")
    POINTS = "points", gettext_lazy("Points")
    MILES = "miles", gettext_lazy("Miles")
    DEFAULT = "default", gettext_lazy("Base rate")


class RewardClass(models.TextChoices):
    """The classes of reward that have their own multipliers (docs/routing.md)."""

    CASH = "cash", gettext_lazy("Cash back")
    OTHER = "other", gettext_lazy("Anything else")


class MerchantCategory(models.Model):
    """A merchant category code with the issuer's name for it."""

    code = models.CharField("MCC", max_length=4, validators=[RegexValidator(r"^\d{4}$", "An MCC is four digits.")])
    stripe_category = FreeTextField(
        max_length=120, blank=True, help_text=gettext_lazy("Stripe's name, for the test helpers.")
    )
    description = FreeTextField(max_length=200)

    class Meta:
        ordering = ["code"]
        verbose_name = gettext_lazy("merchant category")
        verbose_name_plural = gettext_lazy("merchant categories")
        constraints = [models.UniqueConstraint(fields=["code"], name="one_category_per_code")]

    def __str__(self) -> str:
        return f"{self.code} {self.description}"


class RankingRow(models.Model):
    """What one card product, or any card of one network, earns at one MCC within its dates."""

    class Scope(models.TextChoices):
        PRODUCT = "product", gettext_lazy("One card product")
        NETWORK = "network", gettext_lazy("A whole network")

    mcc = models.CharField(
        "MCC", max_length=4, validators=[RegexValidator(r"^\d{4}$", gettext_lazy("An MCC is four digits."))]
    )
    scope = models.CharField(max_length=10, choices=Scope.choices)
    product = models.ForeignKey(
        CardProduct,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        db_index=False,
        help_text=gettext_lazy("For scope product; beats a network row."),
    )
    network = models.CharField(
        max_length=20, choices=Network.choices, blank=True, help_text=gettext_lazy("For scope network.")
    )
    card_name = FreeTextField(max_length=120, blank=True, help_text=gettext_lazy("The card that the source names."))
    reward_rate = models.DecimalField(
        max_digits=7,
        decimal_places=3,
        validators=[MinValueValidator(0)],
        help_text=gettext_lazy("Units per whole currency unit: 4 is 4 points a dollar, or 4 % cash back."),
    )
    reward_type = models.CharField(max_length=10, choices=RewardType.choices)
    annual_fee_minor = models.BigIntegerField(default=0, validators=[MinValueValidator(0)])
    valid_from = models.DateField(null=True, blank=True, help_text=gettext_lazy("First day, included; empty: always."))
    valid_to = models.DateField(null=True, blank=True, help_text=gettext_lazy("Last day, included; empty: no end."))
    version = models.BigIntegerField(default=1, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["mcc", "scope", "id"]
        verbose_name = "ranking"
        constraints = [
            models.CheckConstraint(
                condition=Q(scope="product", product__isnull=False, network="")
                | Q(scope="network", product__isnull=True) & ~Q(network=""),
                name="ranking_scope_names_its_subject",
            ),
            models.CheckConstraint(condition=Q(reward_rate__gte=0), name="ranking_rate_not_negative"),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True) | Q(valid_to__isnull=True) | Q(valid_from__lte=F("valid_to")),
                name="ranking_dates_in_order",
            ),
            models.UniqueConstraint(
                fields=["mcc", "product", "network", "card_name", "valid_from"],
                nulls_distinct=False,
                name="one_ranking_per_card_and_start",
            ),
        ]

    def __str__(self) -> str:
        whole = _("any %(network)s") % {"network": self.get_network_display()}
        subject = self.product if self.scope == self.Scope.PRODUCT else whole
        rate = localised(f"{self.reward_rate.normalize():f}")
        return f"{self.mcc}: {subject} {rate} {self.get_reward_type_display()}"

    def clean(self) -> None:
        """Raises ValidationError with a sentence for what the database would refuse."""
        if self.scope == self.Scope.PRODUCT and (self.product is None or self.network):
            raise ValidationError(_("A row of scope product names a card product and leaves the network empty."))
        if self.scope == self.Scope.NETWORK and (self.product is not None or not self.network):
            raise ValidationError(_("A row of scope network names a network and leaves the card product empty."))
        if self.valid_from and self.valid_to and self.valid_from > self.valid_to:
            raise ValidationError(_("The last day lies before the first one."))


# The preference for the most money multiplies nothing: it counts cents.
MULTIPLIED = [(each.value, each.label) for each in (Preference.CASH, Preference.REWARDS)]


class PreferenceMultiplier(models.Model):
    """How much a unit of reward counts for a preference: effective reward = rate x multiplier."""

    preference = models.CharField(max_length=20, choices=MULTIPLIED)
    reward_class = models.CharField(max_length=10, choices=RewardClass.choices)
    multiplier = models.DecimalField(max_digits=7, decimal_places=3, validators=[MinValueValidator(0)])
    version = models.BigIntegerField(default=1, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["preference", "reward_class"]
        constraints = [
            models.UniqueConstraint(fields=["preference", "reward_class"], name="one_multiplier_each"),
            models.CheckConstraint(condition=Q(multiplier__gte=0), name="multiplier_not_negative"),
        ]

    def __str__(self) -> str:
        number = localised(f"{self.multiplier.normalize():f}")
        return f"{self.get_preference_display()}, {self.get_reward_class_display()}: x {number}"


class Threshold(models.Model):
    """A number of the routing rules that staff may change."""

    class Name(models.TextChoices):
        TIE_WITHIN = "tie_within", gettext_lazy("Effective rewards this close are a tie")
        SIGNIFICANTLY_BETTER = (
            "significantly_better",
            gettext_lazy("Times the backup's effective reward that beats the backup"),
        )

    name = models.CharField(max_length=40, choices=Name.choices)
    value = models.DecimalField(max_digits=7, decimal_places=3, validators=[MinValueValidator(0)])
    version = models.BigIntegerField(default=1, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["name"], name="one_threshold_per_name"),
            models.CheckConstraint(condition=Q(value__gte=0), name="threshold_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.get_name_display()}: {localised(f'{self.value.normalize():f}')}"


class Rulebook(models.Model):
    """One row: the version of all of the above, raised by triggers."""

    version = models.BigIntegerField(default=1)

    def __str__(self) -> str:
        return f"version {self.version}"
