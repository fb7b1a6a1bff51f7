"""The numbers of the rules and the merchant categories, for staff to edit: the next purchase uses the new values."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy

from audit.edits import AuditedAdmin, VersionedForm
from onecard.kit import display, references
from routing.models import MerchantCategory, PreferenceMultiplier, RankingRow, Threshold


class RuleNumberAdmin(AuditedAdmin):
    """Numbers that the rules need: staff may set each, but add or remove none."""

    form = VersionedForm
    version_field = "version"
    needs_fresh_code = True
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


for kind in ("preferencemultiplier", "threshold", "merchantcategory"):
    references.register(kind, lambda key, kind=kind: reverse(f"admin:routing_{kind}_change", args=[key]))  # type: ignore[misc]
