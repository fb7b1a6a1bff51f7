"""How staff change rankings: a draft holds changes, and a second person publishes it (docs/decisions/0047)."""

from django.conf import settings
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from onecard.kit.fields import FreeJsonField, FreeTextField
from routing.models.catalogue import KEY, Kind
from routing.models.rules import RewardType
from wallet.models import CardProduct, Network


class RankingDraft(models.Model):
    """Changes of rankings that belong together, from the first one until they are published or discarded.

    A command publishes at once and names itself in `by_command`; every other draft has an author and, once published,
    a publisher who is neither the author nor the last person who changed it.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")
        DISCARDED = "discarded", _("Discarded")

    title = FreeTextField(_("title"), max_length=120)
    source = FreeTextField(_("source"), max_length=200, blank=True, help_text=_("The file or the earlier state."))
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.DRAFT)
    # Rises with every change, so that nobody publishes another draft than the page showed.
    version = models.BigIntegerField(default=1, editable=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    by_command = models.CharField(_("published by the command"), max_length=80, blank=True)
    reason = FreeTextField(_("reason"), max_length=200, blank=True)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("ranking draft")
        verbose_name_plural = _("ranking drafts")
        permissions = [("publish_rankingdraft", "Can publish a ranking draft that somebody else wrote")]
        constraints = [
            models.CheckConstraint(
                condition=Q(author__isnull=False, changed_by__isnull=False, by_command="")
                | Q(author__isnull=True, changed_by__isnull=True, status="published") & ~Q(by_command=""),
                name="ranking_draft_has_an_author",
            ),
            models.CheckConstraint(
                condition=Q(status="published", published_at__isnull=False) & ~Q(reason="")
                | ~Q(status="published") & Q(published_at__isnull=True, published_by__isnull=True),
                name="published_draft_says_when_and_why",
            ),
            models.CheckConstraint(
                condition=~Q(status="published")
                | ~Q(by_command="") & Q(published_by__isnull=True)
                | Q(by_command="", published_by__isnull=False)
                & ~Q(published_by=F("author"))
                & ~Q(published_by=F("changed_by")),
                name="ranking_draft_published_by_another",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class RankingChange(models.Model):
    """What a draft does to one ranking: adds it, gives it other values, or removes it.

    The first five columns name the ranking, as RankingRow's unique constraint does. `before` holds what was published
    when the change was written (`reward_rate`, `reward_type`, `annual_fee_minor`, `valid_to`), or null for nothing.
    """

    draft = models.ForeignKey(RankingDraft, on_delete=models.CASCADE, related_name="changes", db_index=False)
    mcc = models.CharField("MCC", max_length=4, validators=[RegexValidator(r"^\d{4}$", "An MCC is four digits.")])
    product = models.ForeignKey(CardProduct, null=True, blank=True, on_delete=models.PROTECT, db_index=False)
    network = models.CharField(max_length=20, choices=Network.choices, blank=True)
    card_name = FreeTextField(max_length=120, blank=True)
    valid_from = models.DateField(null=True, blank=True)
    removes = models.BooleanField(default=False)
    reward_rate = models.DecimalField(
        max_digits=7, decimal_places=3, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    reward_type = models.CharField(max_length=10, choices=RewardType.choices, blank=True)
    annual_fee_minor = models.BigIntegerField(default=0, validators=[MinValueValidator(0)])
    valid_to = models.DateField(null=True, blank=True)
    before = models.JSONField(null=True, blank=True)
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    class Meta:
        ordering = ["draft", "mcc", "id"]
        verbose_name = _("ranking change")
        verbose_name_plural = _("ranking changes")
        constraints = [
            models.UniqueConstraint(
                fields=["draft", "mcc", "product", "network", "card_name", "valid_from"],
                nulls_distinct=False,
                name="one_change_per_ranking",
            ),
            models.CheckConstraint(
                condition=Q(product__isnull=False, network="") | Q(product__isnull=True) & ~Q(network=""),
                name="ranking_change_names_its_subject",
            ),
            models.CheckConstraint(
                condition=Q(removes=True, reward_rate__isnull=True, reward_type="", before__isnull=False)
                | Q(removes=False, reward_rate__isnull=False, reward_rate__gte=0) & ~Q(reward_type=""),
                name="ranking_change_sets_or_removes",
            ),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True) | Q(valid_to__isnull=True) | Q(valid_from__lte=F("valid_to")),
                name="ranking_change_dates_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mcc} {self.product or self.get_network_display()}"


class CatalogueChange(models.Model):
    """What a draft does to one entry of the reward catalogue: gives it another text, or removes it.

    `entry` and `before` are entries as the catalogue's file has them (routing/catalogue/), null for none.
    """

    draft = models.ForeignKey(RankingDraft, on_delete=models.CASCADE, related_name="entries", db_index=False)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    key = models.CharField(_("key"), max_length=KEY)
    entry = FreeJsonField(null=True, blank=True)
    before = FreeJsonField(null=True, blank=True)
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    class Meta:
        ordering = ["draft", "kind", "key"]
        verbose_name = _("catalogue change")
        verbose_name_plural = _("catalogue changes")
        constraints = [
            models.UniqueConstraint(fields=["draft", "kind", "key"], name="one_change_per_entry"),
            models.CheckConstraint(
                condition=Q(entry__isnull=False) | Q(before__isnull=False), name="catalogue_change_does_something"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.key}"
