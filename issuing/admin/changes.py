"""Card changes: the requests to issuers about cards. Read-only."""

from django.contrib import admin
from django.utils.safestring import SafeString

from issuing import states
from issuing.models import CardChange
from onecard.kit import display
from onecard.kit.admin import ReadOnlyAdmin

CHANGE_TONE: dict[str, str] = {
    states.Change.INTENDED: "info",
    states.Change.SENDING: "info",
    states.Change.DONE: "good",
    states.Change.REFUSED: "bad",
    states.Change.SUPERSEDED: "neutral",
}


@admin.register(CardChange)
class CardChangeAdmin(ReadOnlyAdmin):
    """Requests to issuers about cards, and their results."""

    list_display = ("asked", "kind", "card", "state", "requested_by", "attempts", "failure_message")
    list_filter = ("status", "kind", "card__issuer_provider")
    list_select_related = ("card",)
    search_fields = ("card__issuer_card_id", "card__last_four", "key")
    search_help_text = "Issuer's card id, last four or key"
    fields = (
        ("card", "kind", "state"),
        ("reason", "requested_by"),
        ("attempts", "failure_code", "failure_message"),
        ("asked", "key"),
    )
    nothing_yet = "They appear here when a card is made, frozen, closed or given new limits."

    @admin.display(description="Asked", ordering="created_at")
    def asked(self, change: CardChange) -> str:
        return display.moment(change.created_at)

    @admin.display(description="State", ordering="status")
    def state(self, change: CardChange) -> SafeString:
        return display.label(change.get_status_display(), CHANGE_TONE.get(change.status, "info"))
