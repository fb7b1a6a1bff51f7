"""The published rankings: as a list, as a grid, imported into a draft, and exported. A draft changes them."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import clock, display, references
from onecard.kit.admin import ReadOnlyAdmin, row_or_404
from onecard.kit.admin_filters import MccFilter
from onecard.kit.confirmation_pages import Confirmation, ask_or_do, change_page, page_action, posted
from routing.admin import draft_forms, draft_words, grid_page, import_page, what_if_page
from routing.admin.ranking_form import RankingForm, initial_of
from routing.models import MerchantCategory, RankingDraft, RankingRow, RewardTerms
from routing.rankings import drafts, words
from routing.rankings.formats import Format
from routing.rankings.importing import export_rankings

TYPES: dict[Format, str] = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


@admin.register(RankingRow)
class RankingRowAdmin(ReadOnlyAdmin):
    """What a card product, or any card of a network, earns at an MCC. It changes only by drafts (decisions/0047)."""

    # Fifty rows of this many columns are more than 300 kB.
    list_per_page = list_max_show_all = 40
    actions_list = ("grid", "what_if", "new_ranking", "import_file", "export_csv", "export_json")
    actions_detail = ("change_in_draft", "remove_in_draft")
    list_display = ("code", "category", "card", "rate", "reward_type", "applies", "card_name", "version")
    list_filter = (MccFilter, "scope", "network", "reward_type")
    list_select_related = ("product",)
    search_fields = ("mcc", "card_name", "product__name", "product__key")
    search_help_text = gettext_lazy("MCC or card")
    nothing_yet = gettext_lazy(
        "Without rankings every purchase goes to the backup card. Press “New ranking”, or import a list: both begin a "
        "draft, which a second person publishes."
    )
    fieldsets = (
        (gettext_lazy("Where, and for which cards"), {"fields": ("mcc", "scope", ("product", "network"), "card_name")}),
        (gettext_lazy("What it earns"), {"fields": (("reward_rate", "reward_type"), "fee")}),
        (gettext_lazy("When"), {"fields": (("valid_from", "valid_to"),)}),
        (gettext_lazy("Beside the reward terms"), {"fields": ("beside_terms",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[RankingRow]:
        categories = MerchantCategory.objects.filter(code=OuterRef("mcc"))
        rows: QuerySet[RankingRow] = super().get_queryset(request)
        return rows.annotate(category_name=Subquery(categories.values("description")[:1]))

    def has_draft_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm(draft_forms.WRITES)

    @page_action(description=gettext_lazy("Grid"), url_path="grid", permissions=["view"], icon="grid_on")
    def grid(self, request: HttpRequest) -> HttpResponse:
        return grid_page.show(self, request)

    @page_action(description=gettext_lazy("What if"), url_path="what-if", permissions=["view"], icon="help_center")
    def what_if(self, request: HttpRequest) -> HttpResponse:
        return what_if_page.show(self, request)

    @page_action(description=gettext_lazy("Import"), url_path="import", permissions=["draft"], icon="upload")
    def import_file(self, request: HttpRequest) -> HttpResponse:
        return import_page.show(self, request)

    @page_action(description=gettext_lazy("Export CSV"), url_path="csv", permissions=["view"], icon="download")
    def export_csv(self, request: HttpRequest) -> HttpResponse:
        return _export(request, "csv")

    @page_action(description=gettext_lazy("Export JSON"), url_path="json", permissions=["view"], icon="download")
    def export_json(self, request: HttpRequest) -> HttpResponse:
        return _export(request, "json")

    @page_action(description=gettext_lazy("New ranking"), url_path="new", permissions=["draft", "view"], icon="add")
    def new_ranking(self, request: HttpRequest) -> HttpResponse:
        asked = {"mcc": request.GET.get("mcc", ""), "card": request.GET.get("card", "")}
        form = RankingForm(posted(request), initial=asked, drafts=draft_forms.open_drafts())
        confirmation = Confirmation(
            title=_("New ranking"),
            words=_("It goes into a draft, and nothing takes effect until a second person publishes it."),
            button=_("Put it into the draft"),
            back=reverse("admin:routing_rankingrow_changelist"),
            second_person=draft_words.takes_two(request.user),
        )
        return draft_forms.ask(request, confirmation, form)

    @page_action(
        description=gettext_lazy("Change in a draft"), url_path="change-in-draft", permissions=["draft", "view"],
        icon="edit",
    )  # fmt: skip
    def change_in_draft(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(self, request, object_id)
        form = RankingForm(posted(request), initial=initial_of(row), drafts=draft_forms.open_drafts(), ranked=row)
        confirmation = Confirmation(
            title=_("Change %(card)s at MCC %(mcc)s") % {"card": words.subject(row), "mcc": row.mcc},
            words=_(
                "It goes into a draft, and nothing takes effect until a second person publishes it. For another first "
                "day, give this ranking a last day and add a new one."
            ),
            button=_("Put it into the draft"),
            back=change_page(row),
            second_person=draft_words.takes_two(request.user),
            facts=[(_("Published now"), words.earns(row.reward_rate, row.reward_type)), (_("Valid"), _days(row))],
        )
        return draft_forms.ask(request, confirmation, form)

    @page_action(
        description=gettext_lazy("Remove in a draft"), url_path="remove-in-draft", permissions=["draft", "view"],
        icon="delete",
    )  # fmt: skip
    def remove_in_draft(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(self, request, object_id)
        form = draft_forms.DraftForm(posted(request), drafts=draft_forms.open_drafts())
        confirmation = Confirmation(
            title=_("Remove %(card)s at MCC %(mcc)s") % {"card": words.subject(row), "mcc": row.mcc},
            words=_("The removal goes into a draft, and the ranking stays until a second person publishes it."),
            button=_("Put the removal into the draft"),
            back=change_page(row),
            second_person=draft_words.takes_two(request.user),
        )
        user: Any = request.user

        def remove(draft: str) -> RankingDraft:
            chosen = draft_forms.chosen_draft(draft, user)
            drafts.put_removal(draft=chosen, row=row, user=user)
            return chosen

        return ask_or_do(
            request, confirmation, form, draft_forms.in_one_commit(remove), done=draft_forms.to_draft(request), row=row
        )

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

    @admin.display(description=gettext_lazy("Annual fee"))
    def fee(self, row: RankingRow) -> str:
        return display.money(row.annual_fee_minor, "USD")

    @admin.display(description=gettext_lazy("Which of the two counts"))
    def beside_terms(self, row: RankingRow) -> SafeString | str:
        if row.product is None:
            return _("A network's ranking counts only for cards whose product has no reward terms.")
        terms = RewardTerms.objects.filter(product=row.product).first()
        if terms is None:
            return _("The product has no reward terms, so this ranking is all that is known of it here.")
        words = _("This ranking beats the product's reward terms at MCC %(mcc)s, where strategy value decides.")
        return format_html("{} {}", words % {"mcc": row.mcc}, display.link(change_page(terms), _("See the terms")))

    @admin.display(description=gettext_lazy("Applies"))
    def applies(self, row: RankingRow) -> str:
        return _days(row).capitalize()


def _days(row: RankingRow) -> str:
    return words.applies(row.valid_from, row.valid_to)


def _export(request: HttpRequest, file_format: Format) -> HttpResponse:
    if request.method != "GET":
        raise PermissionDenied
    export = export_rankings(file_format)
    if export.left_out:
        messages.warning(
            request,
            _("JSON has no word for single products and dates: %(count)s are left out. The CSV has all.")
            % {"count": words.counted(export.left_out)},
        )
    name = f"rankings-{clock.now():%Y-%m-%d}.{file_format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(export.text, content_type=TYPES[file_format], headers=headers)


references.register("rankingrow", lambda key: reverse("admin:routing_rankingrow_change", args=[key]))
