"""The reward catalogue as rows: what programmes, categories and card products are worth (docs/decisions/0064).

The rows hold what is published; a draft changes them (routing/models/drafts.py). Triggers raise each row's version and
the rulebook's, as for rankings. routing/catalogue/compiled.py reads them into the types of routing/value/terms.py,
whose docstrings say what each column means.
"""

from typing import Final

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from onecard.kit.fields import FreeJsonField, FreeTextField
from onecard.kit.money import MAX_AMOUNT_MINOR
from routing.models.rules import RewardType
from wallet.models import CardProduct

KEY: Final = 60


class Kind(models.TextChoices):
    """The kinds of entries that a catalogue has, under the names of the file's sections."""

    PROGRAMME = "programmes", _("Reward programme")
    CATEGORY = "categories", _("Category")
    MERCHANT_LIST = "merchant_lists", _("Merchant list")
    PRODUCT = "products", _("Card product")


class Sourced(models.Model):
    """A row that says where it comes from, and when somebody last compared it with that source."""

    source_url = FreeTextField(_("source"), max_length=400, blank=True, db_default="", default="")
    verified_at = models.DateField(_("verified on"), null=True, blank=True)
    version = models.BigIntegerField(default=1, db_default=1, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class RewardProgramme(Sourced):
    """A reward currency with the cents that a point is worth, used well and paid out in cash."""

    key = models.CharField(_("key"), max_length=KEY)
    cents_per_point = models.DecimalField(_("cents per point"), max_digits=8, decimal_places=4)
    cash_out_cents = models.DecimalField(_("cents when paid out in cash"), max_digits=8, decimal_places=4)

    class Meta:
        ordering = ["key"]
        verbose_name = _("reward programme")
        verbose_name_plural = _("reward programmes")
        constraints = [
            models.UniqueConstraint(fields=["key"], name="one_programme_per_key"),
            models.CheckConstraint(
                condition=Q(cents_per_point__gte=0, cash_out_cents__gte=0), name="programme_cents_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Channel(models.TextChoices):
    """How a purchase is made."""

    ANY = "", _("Any")
    ONLINE = "online", _("Online")
    IN_STORE = "in_store", _("In a store")


class RewardCategory(Sourced):
    """A tag with the merchant categories that it covers: four-digit MCCs, and ranges of them such as 3000-3299."""

    tag = models.CharField(_("tag"), max_length=KEY)
    label = FreeTextField(_("name"), max_length=200, blank=True, db_default="", default="")
    codes = ArrayField(models.CharField(max_length=9), default=list, blank=True, verbose_name=_("MCCs and ranges"))
    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices, blank=True, default="")

    class Meta:
        ordering = ["tag"]
        verbose_name = _("reward category")
        verbose_name_plural = _("reward categories")
        constraints = [models.UniqueConstraint(fields=["tag"], name="one_reward_category_per_tag")]

    def __str__(self) -> str:
        return self.tag


class MerchantList(Sourced):
    """Merchants that several products name together, each the beginning of a merchant's name."""

    key = models.CharField(_("key"), max_length=KEY)
    merchants = ArrayField(models.CharField(max_length=120), default=list, verbose_name=_("merchants"))

    class Meta:
        ordering = ["key"]
        verbose_name = _("merchant list")
        verbose_name_plural = _("merchant lists")
        constraints = [models.UniqueConstraint(fields=["key"], name="one_merchant_list_per_key")]

    def __str__(self) -> str:
        return self.key


class Confidence(models.TextChoices):
    """How sure the terms are, in the words of the file."""

    HIGH = "high", _("High")
    MEDIUM = "medium", _("Medium")
    LOW = "low", _("Low: check it before use")


class RewardTerms(Sourced):
    """What a card product earns without a bonus, and what it costs. The annual fee is the product's own column."""

    product = models.OneToOneField(CardProduct, on_delete=models.PROTECT, related_name="terms")
    programme = models.ForeignKey(RewardProgramme, on_delete=models.PROTECT, related_name="terms", db_index=False)
    reward_type = models.CharField(_("pays in"), max_length=10, choices=RewardType.choices)
    base_rate = models.DecimalField(_("base rate"), max_digits=7, decimal_places=3, validators=[MinValueValidator(0)])
    segment = models.CharField(_("segment"), max_length=20, default="consumer")
    foreign_fee_percent = models.DecimalField(_("foreign fee, percent"), max_digits=5, decimal_places=2, default=0)
    exclusions = FreeJsonField(_("earns nothing"), default=list, blank=True)
    valid_from = models.DateField(_("first day"), null=True, blank=True)
    valid_to = models.DateField(_("last day"), null=True, blank=True)
    confidence = models.CharField(_("confidence"), max_length=10, choices=Confidence.choices, default=Confidence.MEDIUM)
    notes = FreeTextField(_("notes"), max_length=1000, blank=True, db_default="", default="")

    class Meta:
        ordering = ["product__name", "id"]
        verbose_name = _("reward terms")
        verbose_name_plural = _("reward terms")
        constraints = [
            models.CheckConstraint(
                condition=Q(base_rate__gte=0, foreign_fee_percent__gte=0), name="terms_rates_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True) | Q(valid_to__isnull=True) | Q(valid_from__lte=F("valid_to")),
                name="terms_dates_in_order",
            ),
        ]

    def __str__(self) -> str:
        return str(self.product)


class RewardCap(Sourced):
    """A named bucket of a product: spend that earns the bonus in a period. Several bonuses may share it."""

    class Period(models.TextChoices):
        QUARTER = "calendar_quarter", _("Quarter")
        YEAR = "calendar_year", _("Calendar year")
        STATEMENT_MONTH = "statement_month", _("Statement month")
        ANNIVERSARY = "anniversary_year", _("Year of the card")

    terms = models.ForeignKey(RewardTerms, on_delete=models.CASCADE, related_name="caps", db_index=False)
    key = models.CharField(_("key"), max_length=KEY)
    limit_minor = models.BigIntegerField(_("limit"))
    period = models.CharField(_("period"), max_length=20, choices=Period.choices)
    rate_after = models.DecimalField(_("rate after it"), max_digits=7, decimal_places=3, null=True, blank=True)

    class Meta:
        ordering = ["terms", "id"]
        verbose_name = _("cap")
        verbose_name_plural = _("caps")
        constraints = [
            models.UniqueConstraint(fields=["terms", "key"], name="one_cap_per_key"),
            models.CheckConstraint(
                condition=Q(limit_minor__gte=0, limit_minor__lte=MAX_AMOUNT_MINOR), name="cap_limit_in_bounds"
            ),
            models.CheckConstraint(
                condition=Q(rate_after__isnull=True) | Q(rate_after__gte=0), name="cap_rate_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.terms}: {self.key}"


class RewardBonus(Sourced):
    """A rate above the base rate, and what it is paid for."""

    terms = models.ForeignKey(RewardTerms, on_delete=models.CASCADE, related_name="bonuses", db_index=False)
    key = models.CharField(_("key"), max_length=KEY)
    rate = models.DecimalField(_("rate"), max_digits=7, decimal_places=3, validators=[MinValueValidator(0)])
    cap = models.CharField(_("cap"), max_length=KEY, blank=True, default="")
    scopes = FreeJsonField(_("covers"), default=list, blank=True)
    domestic_only = models.BooleanField(_("in its own country only"), default=False)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices, blank=True, default="")
    activation_required = models.BooleanField(_("must be activated"), default=False)
    activation_retroactive = models.BooleanField(_("activation counts back"), default=True)
    choice_pick = models.PositiveSmallIntegerField(_("how many are chosen"), default=0)
    choice_options = ArrayField(
        models.CharField(max_length=KEY), default=list, blank=True, verbose_name=_("to choose from")
    )
    top_categories = ArrayField(
        models.CharField(max_length=KEY), default=list, blank=True, verbose_name=_("the highest spend of these")
    )
    valid_from = models.DateField(_("first day"), null=True, blank=True)
    valid_to = models.DateField(_("last day"), null=True, blank=True)

    class Meta:
        ordering = ["terms", "id"]
        verbose_name = _("bonus")
        verbose_name_plural = _("bonuses")
        constraints = [
            models.UniqueConstraint(fields=["terms", "key"], name="one_bonus_per_key"),
            models.CheckConstraint(condition=Q(rate__gte=0), name="bonus_rate_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.terms}: {self.key}"
