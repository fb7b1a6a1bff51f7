"""The preview of a draft: how far it is, what it found in sum, and each purchase that would change. Read-only."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin, ReadOnlyInline, row_of
from onecard.kit.confirmation_pages import change_page
from routing.models import PreviewedPurchase, RankingPreview
from routing.rankings.previews import progress_percent
from routing.rewards import MICRO_PLACES

Status = RankingPreview.Status
TONE: dict[str, str] = {Status.RUNNING: "info", Status.FINISHED: "good", Status.OUTDATED: "neutral"}


class PurchasesInline(ReadOnlyInline):
    """The purchases that would change, the newest first."""

    model = PreviewedPurchase
    fields = ("purchase", "when", "amount", "before", "after", "difference")
    readonly_fields = fields
    per_page = 25
    verbose_name_plural = gettext_lazy("Purchases that would change")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees a preview sees what it found."""
        return request.user.has_perm("routing.view_rankingpreview")

    @admin.display(description=gettext_lazy("Purchase"))
    def purchase(self, row: PreviewedPurchase) -> str:
        name = f"{row.merchant_name or row.reference}, {row.mcc}"
        page = references.page_of(row.reference)
        return display.link(page, name) if page else name

    @admin.display(description=gettext_lazy("When"))
    def when(self, row: PreviewedPurchase) -> str:
        return display.moment(row.decided_at)

    @admin.display(description=gettext_lazy("Amount"))
    def amount(self, row: PreviewedPurchase) -> str:
        return display.money(row.amount_minor, row.currency)

    @admin.display(description=gettext_lazy("Card as published"))
    def before(self, row: PreviewedPurchase) -> str:
        return row.card_now or _("Declined: no card")

    @admin.display(description=gettext_lazy("Card with the draft"))
    def after(self, row: PreviewedPurchase) -> str:
        return row.card_with_draft or _("Declined: no card")

    @admin.display(description=gettext_lazy("Reward, more or less"))
    def difference(self, row: PreviewedPurchase) -> SafeString:
        return signed(row.reward_with_draft_micro - row.reward_now_micro, row.currency)


@admin.register(RankingPreview)
class RankingPreviewAdmin(ReadOnlyAdmin):
    """Previews are begun on a draft's page, and work by themselves."""

    inlines = (PurchasesInline,)
    list_display = ("title", "state", "days", "another_card", "begun", "asked_by")
    list_filter = ("status", "created_at")
    list_select_related = ("draft", "asked_by")
    search_fields = ("draft__title",)
    search_help_text = gettext_lazy("Title of the draft")
    nothing_yet = gettext_lazy("Press “Preview” on a draft's page.")
    change_form_template = "admin/routing/rankingpreview/page.html"
    fields = (
        ("of_draft", "state"),
        "reward",
        ("another_card", "same_card"),
        ("paid_instead", "declined_instead"),
        ("again", "days"),
        "as_on",
        ("begun", "finished"),
    )

    @admin.display(description=gettext_lazy("Preview"), ordering="id")
    def title(self, preview: RankingPreview) -> str:
        return str(preview.draft)

    @admin.display(description=gettext_lazy("Draft"))
    def of_draft(self, preview: RankingPreview) -> str:
        said = _("%(title)s, version %(version)s") % {"title": preview.draft, "version": preview.draft_version}
        return display.link(change_page(preview.draft), said)

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def state(self, preview: RankingPreview) -> SafeString:
        return display.label(preview.get_status_display(), TONE[preview.status])

    @admin.display(description=gettext_lazy("Another card pays"))
    def another_card(self, preview: RankingPreview) -> str:
        return _purchases(preview.changed)

    @admin.display(description=gettext_lazy("The same card earns otherwise"))
    def same_card(self, preview: RankingPreview) -> str:
        return _purchases(preview.earn_otherwise)

    @admin.display(description=gettext_lazy("Of them declined today, and paid with the draft"))
    def paid_instead(self, preview: RankingPreview) -> str:
        return _purchases(preview.newly_paid)

    @admin.display(description=gettext_lazy("Of them paid today, and declined with the draft"))
    def declined_instead(self, preview: RankingPreview) -> str:
        return _purchases(preview.newly_declined)

    @admin.display(description=gettext_lazy("Decided again"))
    def again(self, preview: RankingPreview) -> str:
        counts = {"again": f"{preview.decided_again:,}", "all": f"{preview.looked_at:,}"}
        return _("%(again)s that the draft concerns, of %(all)s") % counts

    @admin.display(description=gettext_lazy("Reward of these purchases"))
    def reward(self, preview: RankingPreview) -> str:
        lines = ((_sum(sums, currency),) for currency, sums in sorted(preview.sums.items()))
        return format_html_join("", "<p>{}</p>", lines) or display.NOTHING

    @admin.display(description=gettext_lazy("Begun"), ordering="created_at")
    def begun(self, preview: RankingPreview) -> str:
        return display.moment(preview.created_at)

    @admin.display(description=gettext_lazy("Ended"))
    def finished(self, preview: RankingPreview) -> str:
        return display.moment(preview.finished_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Shows how far it is, and loads the page anew for who waited until it is finished."""
        preview = row_of(self, request, object_id)
        is_running = preview is not None and preview.status == Status.RUNNING
        if not is_running and "HX-Request" in request.headers:
            return HttpResponse(headers={"HX-Refresh": "true"})
        context = {"is_running": is_running, "progress": _bar(preview) if preview else ""} | (extra_context or {})
        return super().change_view(request, object_id, form_url, context)


def _bar(preview: RankingPreview) -> SafeString:
    percent, said = progress_percent(preview), _progress(preview)
    bar = '<progress class="oc-progress" max="100" value="{}" aria-label="{}">{} %</progress><p>{}</p>'
    return format_html(bar, percent, said, percent, said)


def _purchases(count: int) -> str:
    return ngettext("%(count)s purchase", "%(count)s purchases", count) % {"count": f"{count:,}"}


def signed(micro: int, currency: str) -> SafeString:
    """Returns a difference of estimates with its sign, coloured: +1.35 USD."""
    amount = display.rounded(Decimal(micro).scaleb(-MICRO_PLACES), currency)
    return display.label(f"{amount:+,f} {currency}", "good" if micro > 0 else "bad" if micro < 0 else "neutral")


def _sum(sums: dict[str, int], currency: str) -> SafeString:
    now, draft = (Decimal(sums[name]).scaleb(-MICRO_PLACES) for name in ("now_micro", "draft_micro"))
    said = _("%(now)s as published, %(draft)s with the draft: by value in money, otherwise at face value") % {
        "now": display.total(now, currency),
        "draft": display.total(draft, currency),
    }
    return format_html("{} {}", signed(sums["draft_micro"] - sums["now_micro"], currency), said)


def _progress(preview: RankingPreview) -> str:
    if preview.status == Status.RUNNING:
        return _("%(count)s decisions looked at so far. This page looks again by itself.") % {
            "count": f"{preview.looked_at:,}"
        }
    if preview.is_cut:
        return _("Ended at %(count)s decisions, the most that one preview looks at; older ones were left out.") % {
            "count": f"{preview.looked_at:,}"
        }
    if preview.unreadable:
        return _("All were looked at. %(count)s say too little to be decided again, and were left out.") % {
            "count": f"{preview.unreadable:,}"
        }
    return _("All of the period was looked at.") if preview.status == Status.FINISHED else preview.get_status_display()


references.register("rankingpreview", lambda key: reverse("admin:routing_rankingpreview_change", args=[key]))
