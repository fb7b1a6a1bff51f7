"""The published reward catalogue: products with caps and bonuses, programmes, categories and merchant lists.

Each page names its source and the day on which somebody last compared it; what is older than CATALOGUE_STALE_DAYS is
marked. A draft changes them (docs/decisions/0064).
"""

import datetime as dt
from typing import Any, ClassVar, Final

from django.conf import settings
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import clock, display, references
from onecard.kit.admin import ReadOnlyAdmin, ReadOnlyInline, row_or_404
from onecard.kit.confirmation_pages import change_page, page_action
from onecard.kit.money import Money
from routing.admin import catalogue_editing, draft_forms
from routing.admin.catalogue_words import conditions_in_words, covers_in_words
from routing.catalogue import rows
from routing.catalogue.entries import Entry, entries_of
from routing.catalogue.files import write_file
from routing.models import (
    Kind,
    MerchantList,
    RewardBonus,
    RewardCap,
    RewardCategory,
    RewardProgramme,
    RewardTerms,
)
from routing.models.catalogue import Sourced

SOURCE: Final = {"source": {"url": "https://", "verified_on": "2026-01-31"}}


def stale_before() -> dt.date:
    """Returns the day before which a comparison with the source is too long ago."""
    return clock.now().date() - dt.timedelta(days=settings.CATALOGUE_STALE_DAYS)


class StaleFilter(admin.SimpleListFilter):
    """What nobody compared with its source for long, or ever."""

    title = gettext_lazy("comparison with the source")
    parameter_name = "stale"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", _("Too long ago")), ("no", _("Recent"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        is_stale = Q(verified_at__isnull=True) | Q(verified_at__lt=stale_before())
        if self.value() == "yes":
            return queryset.filter(is_stale)
        return queryset.exclude(is_stale) if self.value() == "no" else queryset


class SourcedRows:
    """What pages and inlines say of where a row comes from."""

    @admin.display(description=gettext_lazy("Verified on"), ordering="verified_at")
    def verified(self, row: Sourced) -> SafeString | str:
        if row.verified_at is None:
            return display.label(_("Never"), "warn")
        is_stale = row.verified_at < stale_before()
        return display.label(row.verified_at, "warn") if is_stale else str(row.verified_at)

    @admin.display(description=gettext_lazy("Source"))
    def source(self, row: Sourced) -> SafeString | str:
        url = row.source_url
        if not url.startswith("https://"):
            return url or display.NOTHING
        return format_html('<a class="oc-link" href="{}" rel="noreferrer">{}</a>', url, url)


class EntryAdmin(SourcedRows, ReadOnlyAdmin):
    """An entry of the catalogue: its buttons put a change into a draft."""

    kind: ClassVar[str]
    example: ClassVar[Entry]
    actions_list = ("new_entry", "import_file", "export_json")
    actions_detail = ("edit_entry", "remove_entry")
    nothing_yet = gettext_lazy(
        "There are no reward terms yet. Run manage.py import_catalogue for the shipped ones, or press “Import”."
    )

    def key_of(self, row: Any) -> str:
        return str(row)

    def has_draft_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm(draft_forms.WRITES)

    @page_action(description=gettext_lazy("New"), url_path="new", permissions=["draft", "view"], icon="add")
    def new_entry(self, request: HttpRequest) -> HttpResponse:
        return catalogue_editing.add(request, kind=self.kind, back=self._list(), example=self.example)

    @page_action(description=gettext_lazy("Import"), url_path="import", permissions=["draft", "view"], icon="upload")
    def import_file(self, request: HttpRequest) -> HttpResponse:
        return catalogue_editing.import_file(request, back=self._list())

    @page_action(description=gettext_lazy("Export"), url_path="export", permissions=["view"], icon="download")
    def export_json(self, request: HttpRequest) -> HttpResponse:
        today = clock.now().date()
        text = write_file(entries_of(rows.read()), as_of=today)
        name = f'attachment; filename="reward-catalogue-{today}.json"'
        headers = {"Content-Disposition": name, "Cache-Control": "no-store"}
        return HttpResponse(text, content_type="application/json", headers=headers)

    @page_action(
        description=gettext_lazy("Change in a draft"), url_path="change-in-draft", permissions=["draft", "view"],
        icon="edit",
    )  # fmt: skip
    def edit_entry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(self, request, object_id)
        return catalogue_editing.edit(request, kind=self.kind, key=self.key_of(row), back=change_page(row))

    @page_action(
        description=gettext_lazy("Remove in a draft"), url_path="remove-in-draft", permissions=["draft", "view"],
        icon="delete",
    )  # fmt: skip
    def remove_entry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(self, request, object_id)
        return catalogue_editing.remove(request, kind=self.kind, key=self.key_of(row), back=change_page(row))

    def _list(self) -> str:
        return reverse(f"admin:{self.model._meta.label_lower.replace('.', '_')}_changelist")


class PartInline(SourcedRows, ReadOnlyInline):
    """Caps and bonuses on their product's page."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("routing.view_rewardterms")


class CapInline(PartInline):
    model = RewardCap
    fields = ("key", "limit", "period", "rate_after", "source", "verified", "version")
    readonly_fields = fields

    @admin.display(description=gettext_lazy("Limit"))
    def limit(self, cap: RewardCap) -> str:
        return display.money(cap.limit_minor, cap.terms.product.fee_currency)


class BonusInline(PartInline):
    model = RewardBonus
    fields = ("key", "rate", "covers", "cap", "conditions", "source", "verified", "version")
    readonly_fields = fields

    @admin.display(description=gettext_lazy("Covers"))
    def covers(self, bonus: RewardBonus) -> SafeString | str:
        return covers_in_words(bonus)

    @admin.display(description=gettext_lazy("Only if"))
    def conditions(self, bonus: RewardBonus) -> str:
        return conditions_in_words(bonus)


@admin.register(RewardTerms)
class RewardTermsAdmin(EntryAdmin):
    """What each card product earns, with its caps and bonuses."""

    kind = Kind.PRODUCT
    example = {
        "key": "new-card", "name": "New Card", "issuer": "", "network": "visa", "reward_type": "cash",
        "programme": "cash", "base_rate": "1", "caps": [], "bonuses": [], **SOURCE,
    }  # fmt: skip
    inlines = (CapInline, BonusInline)
    list_display = (
        "card", "programme", "rate", "fee", "foreign", "rules", "verified", "overridden", "version",
    )  # fmt: skip
    list_filter = (StaleFilter, "programme", "confidence")
    list_select_related = ("product", "programme")
    search_fields = ("product__name", "product__key", "product__issuer")
    search_help_text = gettext_lazy("Card or its bank")
    fields = (
        ("card", "programme"),
        ("rate", "reward_type", "foreign"),
        ("fee", "segment"),
        ("valid_from", "valid_to"),
        "overrides",
        ("source", "verified"),
        ("confidence", "version"),
        "notes",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[RewardTerms]:
        found: QuerySet[RewardTerms] = super().get_queryset(request)
        return found.prefetch_related("bonuses", "caps", "product__rankingrow_set")

    def key_of(self, row: RewardTerms) -> str:
        return row.product.key

    @admin.display(description=gettext_lazy("Card"), ordering="product__name")
    def card(self, terms: RewardTerms) -> str:
        return terms.product.name

    @admin.display(description=gettext_lazy("Base rate"), ordering="base_rate")
    def rate(self, terms: RewardTerms) -> str:
        return f"{terms.base_rate.normalize():f}"

    @admin.display(description=gettext_lazy("Annual fee"), ordering="product__annual_fee_minor")
    def fee(self, terms: RewardTerms) -> str:
        return str(Money(terms.product.annual_fee_minor, terms.product.fee_currency))

    @admin.display(description=gettext_lazy("Foreign fee"), ordering="foreign_fee_percent")
    def foreign(self, terms: RewardTerms) -> str:
        return _("%(percent)s %%") % {"percent": f"{terms.foreign_fee_percent.normalize():f}"}

    @admin.display(description=gettext_lazy("Bonuses"))
    def rules(self, terms: RewardTerms) -> str:
        return display.joined([f"{each.rate.normalize():f} {each.key}" for each in terms.bonuses.all()])

    @admin.display(description=gettext_lazy("Overridden at"))
    def overridden(self, terms: RewardTerms) -> str:
        mccs = sorted({row.mcc for row in terms.product.rankingrow_set.all()})
        return display.joined(mccs) or display.NOTHING

    @admin.display(description=gettext_lazy("Rankings that stand in their place"))
    def overrides(self, terms: RewardTerms) -> SafeString | str:
        found = terms.product.rankingrow_set.all()
        lines = format_html_join("", "<p>{}</p>", ((display.link(change_page(row), row),) for row in found))
        return lines or _("None. A ranking of this product at an MCC beats these terms there, within its dates.")


@admin.register(RewardBonus)
class RewardBonusAdmin(SourcedRows, ReadOnlyAdmin):
    """All bonuses of all products, so that what is stale is found."""

    list_display = ("key", "card", "rate", "covers", "cap", "conditions", "source", "verified", "version")
    list_filter = (StaleFilter, "terms__programme", "activation_required")
    list_select_related = ("terms__product",)
    search_fields = ("key", "terms__product__name", "terms__product__key")
    search_help_text = gettext_lazy("Card or bonus")
    fields = (("card", "key"), ("rate", "cap"), "covers", "conditions", ("source", "verified"), "version")

    @admin.display(description=gettext_lazy("Card"), ordering="terms__product__name")
    def card(self, bonus: RewardBonus) -> SafeString:
        return display.link(change_page(bonus.terms), bonus.terms.product)

    @admin.display(description=gettext_lazy("Covers"))
    def covers(self, bonus: RewardBonus) -> SafeString | str:
        return covers_in_words(bonus)

    @admin.display(description=gettext_lazy("Only if"))
    def conditions(self, bonus: RewardBonus) -> str:
        return conditions_in_words(bonus)


@admin.register(RewardProgramme)
class RewardProgrammeAdmin(EntryAdmin):
    """What a point of each programme is worth, where a person does not say otherwise."""

    kind = Kind.PROGRAMME
    example = {"key": "new_programme", "cents_per_point": "1", "cash_out_cents": "1", **SOURCE}
    list_display = ("key", "cents_per_point", "cash_out_cents", "source", "verified", "version")
    list_filter = (StaleFilter,)
    search_fields = ("key",)
    fields = ("key", ("cents_per_point", "cash_out_cents"), ("source", "verified"), "version")


@admin.register(RewardCategory)
class RewardCategoryAdmin(EntryAdmin):
    """The tags that bonuses name, with their merchant category codes."""

    kind = Kind.CATEGORY
    example = {"tag": "new_category", "label": "New category", "mcc_ranges": [["5812", "5814"]]}
    list_display = ("tag", "label", "shown_codes", "channel", "version")
    list_filter = ()
    search_fields = ("tag", "label")
    fields = (("tag", "label"), "shown_codes", ("channel", "version"))

    @admin.display(description="MCC")
    def shown_codes(self, category: RewardCategory) -> str:
        return display.joined(category.codes)


@admin.register(MerchantList)
class MerchantListAdmin(EntryAdmin):
    """Merchants that several products name together."""

    kind = Kind.MERCHANT_LIST
    example = ["Beginning of a merchant's name"]
    list_display = ("key", "shown_merchants", "version")
    list_filter = ()
    search_fields = ("key",)
    fields = ("key", "shown_merchants", "version")

    @admin.display(description=gettext_lazy("Merchants"))
    def shown_merchants(self, found: MerchantList) -> str:
        return display.joined(found.merchants)


for row_name in ("rewardterms", "rewardbonus", "rewardprogramme", "rewardcategory", "merchantlist"):
    references.register(
        row_name,
        lambda key, name=row_name: reverse(f"admin:routing_{name}_change", args=[key]),  # type: ignore[misc]
    )
