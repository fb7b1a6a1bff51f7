"""The documents of the old system from which rows were imported. Read-only."""

import json

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from issuing.models import LegacyDocument
from onecard.kit import display
from onecard.kit.admin import ReadOnlyAdmin


@admin.register(LegacyDocument)
class LegacyDocumentAdmin(ReadOnlyAdmin):
    """One document of the old system, without the card's number and code."""

    list_display = ("imported", "kind", "legacy_id", "card", "card_transaction")
    list_display_links = ("imported", "legacy_id")
    list_filter = ("kind", "imported_at")
    list_select_related = ("card", "card_transaction")
    search_ids = (("kind", "legacy_id"),)
    search_fields = ("legacy_id", "card__last_four")
    search_help_text = gettext_lazy("Id of the old document or last four")
    fields = (("kind", "legacy_id"), ("card", "card_transaction"), "imported", "digest", "as_it_came")
    nothing_yet = gettext_lazy("Run manage.py import_legacy to bring old documents in.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[LegacyDocument]:
        """Leaves out the documents, which may be large."""
        match = request.resolver_match
        rows: QuerySet[LegacyDocument] = super().get_queryset(request)
        return rows.defer("document") if match and match.url_name == "issuing_legacydocument_changelist" else rows

    @admin.display(description=gettext_lazy("Imported"), ordering="imported_at")
    def imported(self, row: LegacyDocument) -> str:
        return display.moment(row.imported_at)

    @admin.display(description=gettext_lazy("Document"))
    def as_it_came(self, row: LegacyDocument) -> SafeString:
        return display.preformatted(display.pretty_body(json.dumps(row.document).encode()))
