"""What cards earn, for staff to edit. Every purchase from the next one on uses the new values."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.edits import AuditedAdmin, VersionedForm
from onecard.kit import display, references
from onecard.kit.admin import MccFilter
from routing.models import MerchantCategory, PreferenceMultiplier, RankingRow, Threshold


class RankingRowForm(VersionedForm):
    """Says in which currency the fee is."""

    class Meta:
        labels = {"annual_fee_minor": gettext_lazy("Annual fee, in minor units (9500 is 95.00)")}


@admin.register(RankingRow)
class RankingRowAdmin(AuditedAdmin):
    """What a card product, or any card of a network, earns at an MCC."""

    form = RankingRowForm
    version_field = "version"
    list_display = ("code", "category", "card", "rate", "reward_type", "applies", "card_name", "version")
    list_filter = (MccFilter, "scope", "network", "reward_type")
    list_select_related = ("product",)
    search_fields = ("mcc", "card_name", "product__name", "product__key")
    search_help_text = gettext_lazy("MCC or card")
    autocomplete_fields = ("product",)
    nothing_yet = gettext_lazy(
        "Without rankings every purchase goes to the backup card. Add one with the plus sign, or import a list."
    )
    fieldsets = (
        (gettext_lazy("Where, and for which cards"), {"fields": ("mcc", "scope", ("product", "network"), "card_name")}),
        (gettext_lazy("What it earns"), {"fields": (("reward_rate", "reward_type"), "annual_fee_minor")}),
        (gettext_lazy("When"), {"fields": (("valid_from", "valid_to"),)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[RankingRow]:
        categories = MerchantCategory.objects.filter(code=OuterRef("mcc"))
        rows: QuerySet[RankingRow] = super().get_queryset(request)
        return rows.annotate(category_name=Subquery(categories.values("description")[:1]))

    @admin.display(description="MCC", ordering="mcc")
    def code(self, row: RankingRow) -> str:
        return row.mcc

    @admin.display(description=gettext_lazy("Category"))
    def category(self, row: RankingRow) -> str:
        return getattr(row, "category_name", None) or display.NOTHING

    @admin.display(description=gettext_lazy("Card"))
    def card(self, row: RankingRow) -> str:
        if row.scope == RankingRow.Scope.PRODUCT:
            return str(row.product)
        return _("Any %(network)s") % {"network": row.get_network_display()}

    @admin.display(description=gettext_lazy("Rate"), ordering="reward_rate")
    def rate(self, row: RankingRow) -> str:
        return f"{row.reward_rate.normalize():f}"

    @admin.display(description=gettext_lazy("Applies"))
    def applies(self, row: RankingRow) -> str:
        if row.valid_from is None and row.valid_to is None:
            return _("Always")
        return f"{row.valid_from or '…'} to {row.valid_to or '…'}"


class RuleNumberAdmin(AuditedAdmin):
    """Numbers that the rules need: staff may set each, but add or remove none."""

    form = VersionedForm
    version_field = "version"
    list_filter = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(PreferenceMultiplier)
class PreferenceMultiplierAdmin(RuleNumberAdmin):
    """Effective reward = rate x multiplier."""

    list_display = ("preference", "reward_class", "multiplier", "version", "updated_at")
    fields = ("preference", "reward_class", "multiplier")
    readonly_fields = ("preference", "reward_class")


@admin.register(Threshold)
class ThresholdAdmin(RuleNumberAdmin):
    """When two rewards tie, and when a card beats the backup card."""

    list_display = ("name", "value", "version", "updated_at")
    fields = ("name", "value")
    readonly_fields = ("name",)


@admin.register(MerchantCategory)
class MerchantCategoryAdmin(AuditedAdmin):
    """Merchant category codes. None is deleted, because purchases and rankings refer to them."""

    list_display = ("code", "description", "stripe_category", "ranking_count")
    search_fields = ("code", "description", "stripe_category")
    fields = ("code", "description", "stripe_category")

    def get_queryset(self, request: HttpRequest) -> QuerySet[MerchantCategory]:
        rankings = RankingRow.objects.filter(mcc=OuterRef("code")).order_by().values("mcc")
        rows: QuerySet[MerchantCategory] = super().get_queryset(request)
        return rows.annotate(rankings=Subquery(rankings.annotate(n=Count("pk")).values("n")))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("Rankings"))
    def ranking_count(self, category: MerchantCategory) -> str:
        count = getattr(category, "rankings", None) or 0
        url = f"{reverse('admin:routing_rankingrow_changelist')}?mcc={category.code}"
        return display.link(url, count) if count else display.NOTHING


for kind in ("rankingrow", "preferencemultiplier", "threshold", "merchantcategory"):
    references.register(kind, lambda key, kind=kind: reverse(f"admin:routing_{kind}_change", args=[key]))  # type: ignore[misc]
