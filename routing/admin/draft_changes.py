"""The changes of a draft on its page, each in words, with the ways to edit it and to take it out."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import display
from onecard.kit.admin import ReadOnlyInline
from routing.admin import draft_forms
from routing.catalogue import words as entry_words
from routing.models import CatalogueChange, RankingChange, RankingDraft
from routing.rankings import words


class ChangesInline(ReadOnlyInline):
    """What a draft changes, in words."""

    model = RankingChange
    fields = ("where", "cards", "holds", "what", "author", "buttons")
    readonly_fields = fields
    # Fifty rows would be more than 300 kB.
    per_page = 25
    ordering = ("mcc", "pk")
    verbose_name_plural = gettext_lazy("What it changes")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees a draft sees what it changes."""
        return request.user.has_perm("routing.view_rankingdraft")

    def get_queryset(self, request: HttpRequest) -> QuerySet[RankingChange]:
        rows: QuerySet[RankingChange] = super().get_queryset(request)
        return rows.prefetch_related("product", "written_by", "draft")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = [name for name in self.fields if name != "buttons"]
        is_open = (
            obj is not None and obj.status == RankingDraft.Status.DRAFT and request.user.has_perm(draft_forms.WRITES)
        )
        return self.fields if is_open else shown

    @admin.display(description="MCC")
    def where(self, change: RankingChange) -> str:
        return change.mcc

    @admin.display(description=gettext_lazy("Card"))
    def cards(self, change: RankingChange) -> str:
        return words.subject(change)

    @admin.display(description=gettext_lazy("Valid"))
    def holds(self, change: RankingChange) -> str:
        return words.applies(change.valid_from, change.valid_to)

    @admin.display(description=gettext_lazy("What changes"))
    def what(self, change: RankingChange) -> str:
        return words.change_in_words(change)

    @admin.display(description=gettext_lazy("Written by"))
    def author(self, change: RankingChange) -> str:
        return str(change.written_by or display.NOTHING)

    @admin.display(description=gettext_lazy("Change it"))
    def buttons(self, change: RankingChange) -> SafeString:
        keys = [change.draft_id, change.pk]
        out = display.link(reverse("admin:routing_rankingdraft_take_out", args=keys), _("Take out"))
        edit = display.link(reverse("admin:routing_rankingdraft_edit_change", args=keys), _("Edit"))
        return out if change.removes else format_html("{} {}", edit, out)


class EntriesInline(ReadOnlyInline):
    """What a draft changes in the reward catalogue."""

    model = CatalogueChange
    fields = ("kind", "key", "what", "author", "buttons")
    readonly_fields = fields
    per_page = 25
    ordering = ("kind", "key")
    verbose_name_plural = gettext_lazy("What it changes in the reward catalogue")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees a draft sees what it changes."""
        return request.user.has_perm("routing.view_rankingdraft")

    def get_queryset(self, request: HttpRequest) -> QuerySet[CatalogueChange]:
        rows: QuerySet[CatalogueChange] = super().get_queryset(request)
        return rows.prefetch_related("written_by", "draft")

    @admin.display(description=gettext_lazy("What changes"))
    def what(self, change: CatalogueChange) -> SafeString:
        lines = entry_words.change_in_words(change)
        return format_html_join("", "<p>{}</p>", ((line,) for line in lines))

    @admin.display(description=gettext_lazy("Written by"))
    def author(self, change: CatalogueChange) -> str:
        return str(change.written_by or display.NOTHING)

    @admin.display(description=gettext_lazy("Change it"))
    def buttons(self, change: CatalogueChange) -> SafeString | str:
        if change.draft.status != RankingDraft.Status.DRAFT:
            return display.NOTHING
        keys = [change.draft_id, change.pk]
        return display.link(reverse("admin:routing_rankingdraft_take_out_entry", args=keys), _("Take out"))


def with_counts(drafts: QuerySet[RankingDraft]) -> QuerySet[RankingDraft]:
    """Returns drafts with how many rankings and how many entries of the catalogue each changes."""
    return drafts.annotate(change_count=_count_of(RankingChange), entry_count=_count_of(CatalogueChange))


def _count_of(model: Any) -> Subquery:
    counts = model.objects.filter(draft=OuterRef("pk")).order_by().values("draft").annotate(n=Count("pk"))
    return Subquery(counts.values("n"))
